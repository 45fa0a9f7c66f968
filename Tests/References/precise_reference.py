"""The model in plain PyTorch: where the expected numbers of the golden tests come from.

Unfused, float64, with autograd: as little like the product's code as possible.
After PRECISE (arXiv 2412.06308); "ours" marks what the paper leaves open.

Letters: B users, n positions (n = length), V items, U items of a step, m tokens, dt token width,
d model width, K experts of which k are active, N shared negatives.
"""

from dataclasses import dataclass
import math

import torch
import torch.nn.functional as F


TIME_BUCKETS = 128


@dataclass
class Config:
    """The shape of a case. Keys after `residual_user_head` may be absent from a file: these are their defaults."""

    items: int = 20
    tokens: int = 3
    token_dim: int = 6
    id_dim: int = 4
    semantic_dim: int = 4
    experts: int = 8
    active: int = 2
    layers: int = 2
    heads: int = 2
    length: int = 5
    balance: float = 0.01
    logit_scale: float = 1.0
    residual_user_head: bool = True
    gate_input: str = "mean"  # or "concat": the m token states one after the other, zeros where there is no token
    log_q: bool = False  # the case has a tensor log_q [N]
    scenes: int = 0  # rows of the scene embedding; 0 = switched off
    behaviors: int = 0
    time: str = "none"  # or "gaps", "request": attention has a relative time bias; the case has tensors time and request_time
    block: str = "prenorm"  # or "gated": x + sigmoid(linear(x)) * sublayer(norm(x)), with SwiGLU between

    @property
    def dim(self):
        return self.id_dim + self.semantic_dim

    @property
    def gate_dim(self):
        return self.token_dim * (self.tokens if self.gate_input == "concat" else 1)


def parameter_shapes(config):
    """Shape of every replicated parameter by name. Matrices are [in, out]: y = x @ W + b."""
    d = config.dim
    shapes = {
        "fusion.gate.weight": (config.gate_dim, config.experts),
        "fusion.gate.bias": (config.experts,),
        "fusion.expert.query": (config.experts, config.token_dim),
        "fusion.expert.weight": (config.experts, config.token_dim, config.semantic_dim),
        "position": (config.length, d),
        "final_norm.scale": (d,),
        "final_norm.bias": (d,),
        "user.0.weight": (config.length * d, 2 * d),
        "user.0.bias": (2 * d,),
        "user.1.weight": (2 * d, d),
        "user.1.bias": (d,),
    }
    for layer in range(config.layers):
        block = {
            "attention_norm.scale": (d,),
            "attention_norm.bias": (d,),
            "qkv.weight": (d, 3 * d),  # columns q | k | v, each split into heads
            "qkv.bias": (3 * d,),
            "out.weight": (d, d),
            "out.bias": (d,),
            "ffn_norm.scale": (d,),
            "ffn_norm.bias": (d,),
            "up.weight": (d, 4 * d),
            "up.bias": (4 * d,),
            "down.weight": (4 * d, d),
            "down.bias": (d,),
        }
        if config.time != "none":
            block["time"] = (config.heads, TIME_BUCKETS)
        if config.block == "gated":
            block |= {
                "attention_gate.weight": (d, d),
                "attention_gate.bias": (d,),
                "ffn_gate.weight": (d, d),
                "ffn_gate.bias": (d,),
                "up.weight": (d, 8 * d),  # columns: what swish is applied to | what it is multiplied by
                "up.bias": (8 * d,),
            }
        shapes |= {f"blocks.{layer}.{name}": shape for name, shape in block.items()}
    if config.scenes:
        shapes["scene"] = (config.scenes, d)
    if config.behaviors:
        shapes["behavior"] = (config.behaviors, d)
    return shapes


def gate_logits(config, parameters, tokens):
    """Logits of the experts. tokens [U, m, dt] (zeros beyond an item's tokens), counts from `mask` -> [U, K]."""
    states, mask = tokens
    present = states * mask[..., None]
    if config.gate_input == "concat":
        gate_input = present.flatten(1)
    else:
        gate_input = present.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
    return gate_input @ parameters["fusion.gate.weight"] + parameters["fusion.gate.bias"]


def expert_outputs(config, parameters, tokens, mask):
    """Attention pooling by every expert. tokens [U, m, dt], mask [U, m] -> [U, K, ds]; zeros without tokens."""
    scores = torch.einsum("umt,kt->ukm", tokens, parameters["fusion.expert.query"]) / math.sqrt(config.token_dim)
    # A large negative number, not -inf: an item without tokens must not give NaN before it is zeroed.
    weights = scores.masked_fill(~mask[:, None, :], -1e30).softmax(2) * mask[:, None, :]
    return torch.einsum("ukm,umt,kts->uks", weights, tokens, parameters["fusion.expert.weight"])


def fuse(config, parameters, ids, tokens, mask):
    """Item embeddings and the load-balance loss of U items.

    ids [U, d_id], tokens [U, m, dt], mask [U, m] bool -> ([U, d], scalar).
    """
    has_text = mask.any(1)
    logits = gate_logits(config, parameters, (tokens, mask))
    kept = logits.topk(config.active, dim=1)
    routed = torch.zeros_like(logits, dtype=torch.bool).scatter(1, kept.indices, True)
    gate = logits.masked_fill(~routed, float("-inf")).softmax(1) * has_text[:, None]
    semantic = torch.einsum("uk,uks->us", gate, expert_outputs(config, parameters, tokens, mask))

    texts = has_text.sum().clamp(min=1)
    share = (routed & has_text[:, None]).sum(0) / (texts * config.active)  # f_j: counts, no gradient
    probability = (logits.softmax(1) * has_text[:, None]).sum(0) / texts  # p_j
    return torch.cat([ids, semantic], 1), config.experts * (share * probability).sum()


def time_buckets(config, times, requests):
    """Bucket of the seconds between query and key: floor(ln(max(1, |seconds|)) / 0.301), as HSTU (arXiv 2402.17152).

    times [B, n] of the events, requests [B] of what the newest position predicts -> [B, n, n]. A query's moment is its own
    event's ("gaps") or that of the event which it predicts ("request").
    """
    moments = times if config.time == "gaps" else torch.cat([times[:, 1:], requests[:, None]], 1)
    apart = (moments[:, :, None] - times[:, None, :]).abs().clamp(min=1).double()
    return (apart.log() / 0.301).long().clamp(max=TIME_BUCKETS - 1)


def attention(config, x, weight, bias, allowed, time_bias=None):
    """Multi-head attention without its output projection. x [B, n, d], allowed [B, n, n] -> [B, n, d].

    time_bias [heads, B, n, n] is added to the scores.
    """
    users, length, d = x.shape
    width = d // config.heads
    heads = []
    q, k, v = (x @ weight + bias).split(d, dim=2)
    for head in range(config.heads):
        columns = slice(head * width, (head + 1) * width)
        scores = q[:, :, columns] @ k[:, :, columns].transpose(1, 2) / math.sqrt(width)
        if time_bias is not None:
            scores = scores + time_bias[head]
        heads.append(scores.masked_fill(~allowed, float("-inf")).softmax(2) @ v[:, :, columns])
    return torch.cat(heads, 2)


def gate(config, z, block, name):
    """What a half's result is multiplied by before it is added to z: 1, or sigmoid(z W + b) (LiGR, arXiv 2502.03417)."""
    return torch.sigmoid(z @ block[name + ".weight"] + block[name + ".bias"]) if config.block == "gated" else 1.0


def swiglu(x, weight, bias):
    """swish(x W) * (x V), W and V side by side in `weight` (Shazeer 2020, arXiv 2002.05202)."""
    swished, plain = (x @ weight + bias).chunk(2, dim=-1)
    return F.silu(swished) * plain


def encode(config, parameters, inputs, valid, causal, scene=None, behavior=None, times=None, requests=None):
    """The transformer. inputs [B, n, d] left-padded item embeddings, valid [B, n] bool -> [B, n, d].

    Row j of `position` belongs to the event length-1-j steps before the newest. `scene` and
    `behavior` [B, n] are indices, ignored where not valid; times [B, n], requests [B] are seconds.
    """
    length, d = inputs.shape[1], config.dim
    z = inputs + parameters["position"][config.length - length:]
    if config.scenes:
        z = z + parameters["scene"][scene]
    if config.behaviors:
        z = z + parameters["behavior"][behavior]
    z = z * valid[..., None]
    allowed = valid[:, None, :].expand(-1, length, -1)
    if causal:
        allowed = allowed & torch.ones(length, length, dtype=torch.bool).tril()
    allowed = allowed | torch.eye(length, dtype=torch.bool)  # a padded query needs one key: itself
    buckets = None if config.time == "none" else time_buckets(config, times, requests)
    for layer in range(config.layers):
        block = {name.removeprefix(f"blocks.{layer}."): value for name, value in parameters.items()}
        x = F.layer_norm(z, (d,), block["attention_norm.scale"], block["attention_norm.bias"], 1e-5)
        time_bias = None if buckets is None else block["time"][:, buckets]
        x = attention(config, x, block["qkv.weight"], block["qkv.bias"], allowed, time_bias)
        x = x @ block["out.weight"] + block["out.bias"]
        z = z + gate(config, z, block, "attention_gate") * x
        x = F.layer_norm(z, (d,), block["ffn_norm.scale"], block["ffn_norm.bias"], 1e-5)
        if config.block == "gated":
            x = swiglu(x, block["up.weight"], block["up.bias"])
        else:
            x = F.gelu(x @ block["up.weight"] + block["up.bias"])
        x = x @ block["down.weight"] + block["down.bias"]
        z = z + gate(config, z, block, "ffn_gate") * x
    return F.layer_norm(z, (d,), parameters["final_norm.scale"], parameters["final_norm.bias"], 1e-5)


def sampled_softmax(config, queries, target_embeddings, targets, negative_embeddings, negatives, log_q=None):
    """Mean over R queries of -log softmax of the target among itself and the shared negatives.

    queries, target_embeddings [R, d]; targets [R]; negative_embeddings [N, d]; negatives [N];
    log_q [N]: log of each negative's chance of being drawn, subtracted from its logit. A negative
    that is the row's own target does not count.
    """
    positive = config.logit_scale * (queries * target_embeddings).sum(1, keepdim=True)
    logits = config.logit_scale * queries @ negative_embeddings.T
    if log_q is not None:
        logits = logits - log_q
    logits = logits.masked_fill(targets[:, None] == negatives, float("-inf"))
    return -torch.cat([positive, logits], 1).log_softmax(1)[:, 0].mean()


def user_embedding(config, parameters, h, valid):
    """h [B, n, d] of the unmasked transformer -> [B, d]; padding positions are zeroed first."""
    x = (h * valid[..., None]).flatten(1)
    x = F.gelu(x @ parameters["user.0.weight"] + parameters["user.0.bias"])
    x = x @ parameters["user.1.weight"] + parameters["user.1.bias"]
    return x + h[:, -1] if config.residual_user_head else x


def cross_user_bpr(config, users, target_embeddings, targets):
    """Mean of -log sigmoid(s u.e_t(u) - s u'.e_t(u)) over the ordered pairs (u, u') of different targets.

    users, target_embeddings [B, d]; targets [B].
    """
    losses = []
    for user in range(len(targets)):
        scores = config.logit_scale * users @ target_embeddings[user]  # of every user for this user's target
        losses.append(-F.logsigmoid(scores[user] - scores)[targets != targets[user]])
    return torch.cat(losses).mean()
