"""What PEFT's LoRA makes of seeded models (seeded.py): outputs, gradients, outputs after merging, and what its files hold:
lora.json. Made with peft 0.21 (`pip install peft`) and transformers 5."""
import json
import os
import tempfile

import peft
import torch
from safetensors.torch import load_file

from common import camel, encode, write
from make_language_models import BERT, GPT2, IDS, MASK, main_output, make
from seeded import seeded_tensor, uniform


def case(name, config_name, config, **options):
    model = peft.get_peft_model(make(name, config_name, config), peft.LoraConfig(**options)).eval()
    with torch.no_grad():
        for key, value in model.named_parameters():
            if 'lora_' in key:
                value.copy_(seeded_tensor(key.replace('.default', ''), value))
    y = main_output(model(input_ids=IDS, attention_mask=MASK))
    weights = torch.from_numpy(uniform('upstream', y.numel())).reshape(y.shape).float() - 0.5
    if y.dim() == 3:
        weights = weights * MASK[:, :, None]
    (y * weights).sum().backward()
    names = [n for n, p in model.named_parameters() if p.grad is not None]
    short = {n.replace('.default', '').replace('.modules_to_save', ''): model.get_parameter(n).grad for n in names}
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        with open(os.path.join(folder, 'adapter_config.json')) as file:
            saved = json.load(file)
        files = load_file(os.path.join(folder, 'adapter_model.safetensors'))
    shapes = {k: list(v.shape) for k, v in sorted(files.items())}
    keep = sorted(short)[:2] + sorted(short)[-2:]
    result = {'name': name, 'config': {camel(k): v for k, v in config.items() if k != 'bos_token_id'}, 'y': encode(y),
              'trained': sorted(short), 'gradients': {k: encode(short[k]) for k in keep}, 'saved': saved, 'shapes': shapes}
    model.merge_adapter()
    result['merged'] = encode(main_output(model(input_ids=IDS, attention_mask=MASK)))
    return result


if __name__ == '__main__':
    write('lora.json', {'peft': peft.__version__, 'cases': [
        case('BertForSequenceClassification', 'BertConfig', BERT, r=3, lora_alpha=6, target_modules=['query', 'value'],
             modules_to_save=['classifier'], lora_dropout=0.1),
        case('BertModel', 'BertConfig', BERT, r=2, lora_alpha=1, target_modules=r'encoder\.layer\.1\..*dense'),
        case('GPT2LMHeadModel', 'GPT2Config', GPT2, r=2, lora_alpha=4, target_modules=['c_attn', 'mlp.c_proj'], fan_in_fan_out=True),
    ]})
