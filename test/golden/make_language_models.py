"""Outputs and gradients of transformers' language models with seeded weights (seeded.py), greedy texts and processed
scores: language_models.json. Made with transformers 5 and PyTorch 2."""
import json

import torch
import transformers
from transformers import generation as g

from common import camel, encode, write
from seeded import seed, uniform

BERT = dict(vocab_size=20, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
            max_position_embeddings=16, num_labels=3)
DISTIL = dict(vocab_size=20, dim=12, n_layers=2, n_heads=3, hidden_dim=20, max_position_embeddings=16, num_labels=3)
GPT2 = dict(vocab_size=20, n_positions=32, n_embd=12, n_layer=2, n_head=3, eos_token_id=None, bos_token_id=None)
LLAMA = dict(vocab_size=20, hidden_size=24, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
             intermediate_size=32, max_position_embeddings=64, eos_token_id=None, bos_token_id=None)
IDS = torch.tensor([[5, 17, 3, 19, 8, 11], [7, 2, 18, 13, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
TYPES = torch.tensor([[0, 0, 0, 1, 1, 1], [0, 1, 1, 1, 0, 0]])

CASES = [
    ('BertModel', 'BertConfig', BERT, {}, ['embeddings.word_embeddings.weight', 'encoder.layer.0.attention.self.query.weight']),
    ('BertModel', 'BertConfig', {**BERT, 'hidden_act': 'gelu_new', 'layer_norm_eps': 1e-3}, {'token_type_ids': TYPES},
     ['embeddings.token_type_embeddings.weight', 'encoder.layer.1.output.LayerNorm.weight']),
    ('BertForSequenceClassification', 'BertConfig', BERT, {'token_type_ids': TYPES}, ['bert.pooler.dense.bias', 'classifier.weight']),
    ('DistilBertModel', 'DistilBertConfig', DISTIL, {}, ['transformer.layer.0.ffn.lin1.bias', 'transformer.layer.0.attention.v_lin.weight']),
    ('DistilBertForSequenceClassification', 'DistilBertConfig', {**DISTIL, 'activation': 'relu'}, {},
     ['distilbert.transformer.layer.1.sa_layer_norm.bias', 'pre_classifier.weight']),
    ('GPT2Model', 'GPT2Config', {**GPT2, 'n_inner': 20}, {}, ['h.0.attn.c_attn.bias']),
    ('GPT2LMHeadModel', 'GPT2Config', GPT2, {}, ['transformer.wte.weight', 'transformer.h.1.mlp.c_fc.weight']),
    ('GPT2LMHeadModel', 'GPT2Config', {**GPT2, 'tie_word_embeddings': False}, {}, ['lm_head.weight']),
    ('LlamaModel', 'LlamaConfig', {**LLAMA, 'attention_bias': True, 'mlp_bias': True, 'rms_norm_eps': 1e-3}, {},
     ['layers.0.self_attn.k_proj.bias', 'layers.1.mlp.down_proj.bias']),
    ('LlamaForCausalLM', 'LlamaConfig', LLAMA, {}, ['model.layers.0.self_attn.k_proj.weight', 'model.norm.weight']),
    ('LlamaForCausalLM', 'LlamaConfig', {**LLAMA, 'tie_word_embeddings': True, 'head_dim': 8, 'rope_theta': 500.0}, {},
     ['model.layers.1.mlp.gate_proj.weight']),
]


def make(name, config_name, config):
    config = dict(config)
    if 'rope_theta' in config:
        config['rope_parameters'] = {'rope_type': 'default', 'rope_theta': config.pop('rope_theta')}
    config = getattr(transformers, config_name)(**config)
    config._attn_implementation = 'eager'
    config.architectures = [name]
    return seed(getattr(transformers, name)(config).eval())


def main_output(out):
    return out.logits if hasattr(out, 'logits') else out.last_hidden_state


def case(name, config_name, config, inputs, parameters):
    model = make(name, config_name, config)
    y = main_output(model(IDS, attention_mask=MASK, **inputs))
    # Padded positions are nobody's: transformers lets their queries see something.
    weights = torch.from_numpy(uniform('upstream', y.numel())).reshape(y.shape).float() - 0.5
    if y.dim() == 3:
        weights = weights * MASK[:, :, None]
    (y * weights).sum().backward()
    row = {'name': name, 'config': {camel(k): v for k, v in config.items() if k != 'bos_token_id'}, 'keys': list(model.state_dict()),
           'json': json.loads(model.config.to_json_string()), 'inputs': {camel(k): encode(v) for k, v in inputs.items()}, 'y': encode(y),
           'gradients': {p: encode(model.get_parameter(p).grad) for p in parameters}}
    if name == 'BertModel':
        row['pooled'] = encode(model(IDS, attention_mask=MASK, **inputs).pooler_output)
    if y.shape[-1] == 20 and y.dim() == 3:
        for key, options in {'greedy': {}, 'penalised': {'repetition_penalty': 1.7}}.items():
            out = model.generate(IDS[:1], attention_mask=MASK[:1], max_new_tokens=14, do_sample=False, pad_token_id=0, **options)
            row[key] = out[0, IDS.shape[1]:].tolist()
    return row


def processed(options, scale):
    scores = (torch.from_numpy(uniform(f'scores {scale}', 50)).float() - 0.5)[None] * scale
    before = torch.tensor([[3, 7, 7, 49, 21]])
    processors = g.LogitsProcessorList()
    if 'repetition_penalty' in options:
        processors.append(g.RepetitionPenaltyLogitsProcessor(options['repetition_penalty']))
    if 'temperature' in options:
        processors.append(g.TemperatureLogitsWarper(options['temperature']))
    if 'top_k' in options:
        processors.append(g.TopKLogitsWarper(options['top_k']))
    if 'top_p' in options:
        processors.append(g.TopPLogitsWarper(options['top_p']))
    out = processors(before, scores)
    return {'options': {camel(k): v for k, v in options.items()}, 'scale': scale, 'before': before[0].tolist(), 'y': encode(out[0])}


OPTIONS = [{'repetition_penalty': 1.3}, {'repetition_penalty': 0.8}, {'temperature': 0.7}, {'top_k': 5}, {'top_k': 80}, {'top_p': 0.9},
           {'top_p': 0.01}, {'repetition_penalty': 1.5, 'temperature': 1.4, 'top_k': 20, 'top_p': 0.8}]

if __name__ == '__main__':
    write('language_models.json', {
        'transformers': transformers.__version__,
        'ids': encode(IDS), 'mask': encode(MASK),
        'cases': [case(*c) for c in CASES],
        'processed': [processed(o, scale) for o in OPTIONS for scale in (3, 12)],
    })
