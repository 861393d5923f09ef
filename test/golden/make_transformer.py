"""transformer.json: nn.Transformer with given weights. PyTorch 2.15."""
import torch
from torch import nn

from common import encode, encode_options, write

CASES = [({}, {}), ({'batchFirst': True, 'normFirst': True}, {'tgtMask': True}), ({'batchFirst': True}, {'memoryKeyPaddingMask': True})]
rows = []
for options, masks in CASES:
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float64)
    names = {'batchFirst': 'batch_first', 'normFirst': 'norm_first'}
    model = nn.Transformer(4, 2, 2, 1, 6, dropout=0.0, **{names[k]: v for k, v in options.items()}).eval()
    weights = {k: ((torch.arange(p.numel()) * 37 + i * 11) % 101 / 101 - 0.5).reshape(p.shape) for i, (k, p) in enumerate(model.state_dict().items())}
    model.load_state_dict(weights)
    shape = lambda n: (2, n, 4) if options.get('batchFirst') else (n, 2, 4)
    src = (torch.arange(40.) * 7 % 13 / 5 - 1).reshape(shape(5)).requires_grad_()
    tgt = (torch.arange(24.) * 5 % 11 / 4 - 1).reshape(shape(3))
    given = {}
    if masks.get('tgtMask'):
        given['tgt_mask'] = nn.Transformer.generate_square_subsequent_mask(3, dtype=torch.float64)
    if masks.get('memoryKeyPaddingMask'):
        padding = torch.tensor([[0, 0, 0, 0, 1], [0, 0, 1, 1, 1]], dtype=torch.bool)
        given['memory_key_padding_mask'] = padding
        given['src_key_padding_mask'] = padding
    y = model(src, tgt, **given)
    y.square().sum().backward()
    rows.append({'options': options, 'masks': masks, 'keys': list(weights), 'src': encode(src), 'tgt': encode(tgt),
                 'y': encode(y), 'gradient': encode(src.grad)})
write('transformer.json', {'rows': rows})
