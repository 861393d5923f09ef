"""PPO on CartPole and SAC on Pendulum in PyTorch and Gymnasium, in CleanRL's manner (one file, plain loops), with the settings of
examples/reinforcement: a peer of ../reinforcement.js. python torch_reinforcement.py ppo|sac seed; prints one line of JSON."""
import copy
import json
import sys
import time

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical
from torch.nn import functional as F

torch.set_num_threads(1)
what, seed = sys.argv[1], int(sys.argv[2])
torch.manual_seed(seed)
rng = np.random.default_rng(seed)


def mlp(sizes, between, last=1.0):
    layers = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        is_last = i == len(sizes) - 2
        layer = nn.Linear(a, b)
        nn.init.orthogonal_(layer.weight, last if is_last else 2**0.5)
        nn.init.zeros_(layer.bias)
        layers += [layer] if is_last else [layer, between()]
    return nn.Sequential(*layers)


def vector(name, count):
    mode = gym.vector.AutoresetMode.SAME_STEP
    return gym.vector.SyncVectorEnv([lambda: gym.make(name)] * count, autoreset_mode=mode)


def followers(observations, ends, info):
    """What the actions led to, also at the end of episodes."""
    if not ends.any():
        return observations
    following = observations.copy()
    for i in np.flatnonzero(ends):
        following[i] = info["final_obs"][i]
    return following


def evaluate(name, act, episodes, seed):
    envs = vector(name, episodes)
    observations, _ = envs.reset(seed=seed)
    sums, done = np.zeros(episodes), np.zeros(episodes, bool)
    while not done.all():
        with torch.no_grad():
            actions = act(torch.as_tensor(observations, dtype=torch.float32)).numpy()
        observations, rewards, terminated, truncated, _ = envs.step(actions)
        sums += rewards * ~done
        done |= terminated | truncated
    return float(sums.mean())


class Best:
    """The weights that did best in development episodes, which are no part of the time, as in examples/reinforcement/evaluation.js."""

    def __init__(self, model, name, act, steps):
        self.model, self.name, self.act, self.steps = model, name, act, steps
        self.next = self.every = steps / 25
        self.reached, self.weights, self.playing = -np.inf, None, 0.0
        self.started = time.process_time()

    def look(self, step):
        if step < min(self.next, self.steps):
            return
        self.next += self.every
        before = time.process_time()
        reached = evaluate(self.name, self.act, episodes=50, seed=2**40)
        if reached >= self.reached:
            self.reached, self.weights = reached, copy.deepcopy(self.model.state_dict())
        self.playing += time.process_time() - before

    def finish(self):
        seconds = time.process_time() - self.started - self.playing
        self.model.load_state_dict(self.weights)
        reached = evaluate(self.name, self.act, episodes=100, seed=2**41)
        return {"reached": reached, "trainingSeconds": seconds, "steps": self.steps}


def ppo(steps=99_840, count=8, length=32, batch=256, epochs=20, lr=1e-3, gamma=0.98, lam=0.8, clip=0.2):
    envs = vector("CartPole-v1", count)
    actor, critic = mlp([4, 64, 64, 2], nn.Tanh, 0.01), mlp([4, 64, 64, 1], nn.Tanh)
    parameters = [*actor.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=lr, eps=1e-5)
    total = length * count
    updates = steps // total
    rate = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, updates * epochs * total // batch)
    best = Best(actor, "CartPole-v1", lambda o: actor(o).argmax(1), updates * total)
    observations, _ = envs.reset(seed=seed)
    x, following = torch.zeros(length, count, 4), torch.zeros(length, count, 4)
    actions, log_probs = torch.zeros(length, count, dtype=torch.long), torch.zeros(length, count)
    rewards, terminated, ends = (torch.zeros(length, count) for _ in range(3))
    for i in range(updates):
        for t in range(length):
            x[t] = torch.as_tensor(observations)
            with torch.no_grad():
                policy = Categorical(logits=actor(x[t]))
                actions[t] = policy.sample()
                log_probs[t] = policy.log_prob(actions[t])
            observations, reward, over, cut, info = envs.step(actions[t].numpy())
            rewards[t], terminated[t] = torch.as_tensor(reward), torch.as_tensor(over)
            ends[t] = torch.as_tensor(over | cut)
            following[t] = torch.as_tensor(followers(observations, over | cut, info))
        with torch.no_grad():
            values, next_values = critic(x).squeeze(-1), critic(following).squeeze(-1)
            advantages, rest = torch.zeros(length, count), torch.zeros(count)
            for t in reversed(range(length)):
                delta = rewards[t] + gamma * next_values[t] * (1 - terminated[t]) - values[t]
                rest = delta + gamma * lam * (1 - ends[t]) * rest
                advantages[t] = rest
            returns = (advantages + values).reshape(-1)
        flat = [t.reshape(total, *t.shape[2:]) for t in (x, actions, log_probs, advantages)]
        for _ in range(epochs):
            for index in torch.randperm(total).split(batch):
                bx, ba, before, advantage = (t[index] for t in flat)
                policy = Categorical(logits=actor(bx))
                advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
                ratio = (policy.log_prob(ba) - before).exp()
                gain = torch.min(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()
                loss = 0.5 * (critic(bx).squeeze(-1) - returns[index]).square().mean() - gain
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, 0.5)
                optimizer.step()
                rate.step()
        best.look((i + 1) * total)
    return best.finish()


def sac(steps=15_000, count=4, gamma=0.98, tau=0.01, batch=128, warm_up=800, hidden=64, lr=2e-3):
    envs = vector("Pendulum-v1", count)
    actor = mlp([3, hidden, hidden, 2], nn.ReLU, 0.1)
    critics, targets = (nn.ModuleList(mlp([4, hidden, hidden, 1], nn.ReLU) for _ in range(2)) for _ in range(2))
    targets.load_state_dict(critics.state_dict())
    log_alpha = torch.zeros(1, requires_grad=True)
    by = {"actor": torch.optim.Adam(actor.parameters(), lr), "critics": torch.optim.Adam(critics.parameters(), lr)}
    by["alpha"] = torch.optim.Adam([log_alpha], lr)
    xs, nexts, acts = np.zeros((steps, 3), "f4"), np.zeros((steps, 3), "f4"), np.zeros((steps, 1), "f4")
    gains, overs = np.zeros((steps, 1), "f4"), np.zeros((steps, 1), "f4")

    def draw(o):
        mean, spread = actor(o).chunk(2, 1)
        log_std = 3.5 * (spread.tanh() + 1) - 5
        noise = torch.randn_like(mean)
        squashed = (mean + noise * log_std.exp()).tanh()
        log_prob = -0.5 * noise.square() - log_std - 0.5 * np.log(2 * np.pi)
        return 2 * squashed, log_prob - (2 * (1 - squashed.square()) + 1e-6).log()

    def values(networks, o, a):
        both = torch.cat([o, a], 1)
        return networks[0](both), networks[1](both)

    def descend(name, loss):
        by[name].zero_grad()
        loss.backward()
        by[name].step()

    best = Best(actor, "Pendulum-v1", lambda o: 2 * actor(o)[:, :1].tanh(), steps)
    observations, _ = envs.reset(seed=seed)
    for taken in range(0, steps, count):
        if taken < warm_up:
            actions = rng.uniform(-2, 2, (count, 1)).astype("f4")
        else:
            with torch.no_grad():
                actions = draw(torch.as_tensor(observations))[0].numpy()
        seen = observations
        observations, reward, over, cut, info = envs.step(actions)
        at = slice(taken, taken + count)
        xs[at], acts[at], gains[at, 0], overs[at, 0] = seen, actions, reward / 10, over
        nexts[at] = followers(observations, over | cut, info)
        best.look(taken + count)
        if taken < warm_up:
            continue
        for _ in range(count):
            index = rng.integers(0, taken + count, batch)
            x, a, r, n, e = (torch.as_tensor(t[index]) for t in (xs, acts, gains, nexts, overs))
            alpha = log_alpha.detach().exp()
            with torch.no_grad():
                then, log_prob = draw(n)
                goal = r + (torch.min(*values(targets, n, then)) - alpha * log_prob) * (1 - e) * gamma
            one, other = values(critics, x, a)
            descend("critics", (one - goal).square().mean() + (other - goal).square().mean())
            own, log_prob = draw(x)
            descend("actor", (alpha * log_prob - torch.min(*values(critics, x, own))).mean())
            descend("alpha", -(log_alpha.exp() * (log_prob.detach().mean() - 1)).sum())
            with torch.no_grad():
                for slow, fast in zip(targets.parameters(), critics.parameters()):
                    slow.lerp_(fast, tau)
    return best.finish()


print(json.dumps({"ppo": ppo, "sac": sac}[what]()))
