"""Writes test/golden/rl.json: episodes of Gymnasium's classic environments, step by step, and advantages and n-step returns by their
definitions. Needs PyPI's gymnasium: python test/golden/make_rl.py"""

import json
import math
import os

import gymnasium as gym
import numpy as np

rng = np.random.default_rng(1)


def balance(s):  # CartPole, so that an episode lasts
    return int(s[2] + 0.4 * s[3] + 0.05 * s[0] + 0.1 * s[1] > 0)


def swing(s):  # MountainCar, so that it arrives
    return 2 if s[1] >= 0 else 0


def pump(s):  # Acrobot, so that it rises
    return 2 if s[3] + s[2] * 0.3 > 0 else 0


def numbers(values):
    return [float(f"{v:.9g}") for v in values]


def episode(name, seed, policy, steps):
    env = gym.make(name)
    env.reset(seed=seed)
    inner = env.unwrapped
    # `+ 0.0` keeps every digit of a state that is float32
    states, actions, observations, rewards, ends = [float(v) for v in inner.state], [], [], [], []
    for _ in range(steps):
        if policy is None:
            discrete = isinstance(env.action_space, gym.spaces.Discrete)
            action = int(rng.integers(env.action_space.n)) if discrete else np.array([rng.uniform(-2.5, 2.5)])
        else:
            action = policy(inner.state)
        observation, reward, terminated, truncated, _ = env.step(action)
        actions.append(action if isinstance(action, int) else float(action[0]))
        observations.append(numbers(observation))
        rewards.append(float(reward))
        ends.append([int(terminated), int(truncated)])
        if terminated or truncated:
            break
    return {"state": states, "actions": actions, "observations": observations, "rewards": rewards, "ends": ends}


def stretches(name, seed, policy, steps, length):
    """A long episode in parts, each from its own state: a pole multiplies the last digit's rounding by 40 each second."""
    env = gym.make(name)
    env.reset(seed=seed)
    parts = []
    for i in range(steps):
        if i % length == 0:
            parts.append({"state": env.unwrapped.state.tolist(), "actions": [], "observations": [], "rewards": [], "ends": []})
        action = policy(env.unwrapped.state)
        observation, reward, terminated, truncated, _ = env.step(action)
        for key, value in {"actions": action, "observations": numbers(observation), "rewards": reward}.items():
            parts[-1][key].append(value)
        parts[-1]["ends"].append([int(terminated), int(truncated)])
    return parts


def estimates(steps, width, gamma, lam, n):
    """All sums written out, each over its own steps: no recursion as in the library."""
    r, v, nv = (rng.normal(size=(steps, width)) for _ in range(3))
    terminated = (rng.random((steps, width)) < 0.15).astype(int)
    truncated = (rng.random((steps, width)) < 0.1).astype(int)
    gae, returns = np.zeros((steps, width)), {k: np.zeros((steps, width)) for k in n}
    for j in range(width):
        for t in range(steps):
            factor = 1.0
            for s in range(t, steps):
                delta = r[s, j] + gamma * nv[s, j] * (1 - terminated[s, j]) - v[s, j]
                gae[t, j] += factor * delta
                if terminated[s, j] or truncated[s, j]:
                    break
                factor *= gamma * lam
            for k in n:
                total = 0.0
                for i, s in enumerate(range(t, steps)):
                    total += gamma**i * r[s, j]
                    if terminated[s, j]:
                        break
                    if truncated[s, j] or s == steps - 1 or i + 1 == k:
                        total += gamma ** (i + 1) * nv[s, j]
                        break
                returns[k][t, j] = total
    rows = lambda a: a.tolist()
    given = {"rewards": rows(r), "values": rows(v), "nextValues": rows(nv)}
    given |= {"terminated": rows(terminated), "truncated": rows(truncated)}
    out = {"gae": rows(gae), "returns": {str(k): rows(x) for k, x in returns.items()}}
    return {**given, **out, "gamma": gamma, "lambda": lam}


episodes = {
    "CartPole": [episode("CartPole-v1", s, None, 500) for s in range(4)] + stretches("CartPole-v1", 9, balance, 450, 50),
    "Acrobot": [episode("Acrobot-v1", 1, None, 150), episode("Acrobot-v1", 2, pump, 400)],
    "MountainCar": [episode("MountainCar-v0", 1, None, 200), episode("MountainCar-v0", 2, swing, 200)],
    "Pendulum": [episode("Pendulum-v1", s, None, 200) for s in range(2)],
}
for name, list_ in episodes.items():
    print(name, [(len(e["actions"]), e["ends"][-1]) for e in list_])
assert not math.isnan(sum(e["rewards"][-1] for list_ in episodes.values() for e in list_))
result = {"episodes": episodes, "estimates": [estimates(12, 3, 0.9, 0.8, [1, 3, 100]), estimates(7, 1, 0.99, 0.95, [2])]}
path = os.path.join(os.path.dirname(__file__), "rl.json")
with open(path, "w") as file:
    json.dump(result, file, separators=(",", ":"))
print(os.path.getsize(path))
