/** Reinforcement learning: environments, alone and many at once; what an agent has lived through; advantages. @module */

export { generalizedAdvantageEstimate, nStepReturns, type Trajectory } from './advantages.js';
export { type Action, Environment, type EnvironmentOptions, type Step, type Transition } from './environment.js';
export {
  Acrobot,
  CartPole,
  type ClassicOptions,
  ConnectFour,
  type ConnectFourOptions,
  LunarLander,
  MountainCar,
  type Opponent,
  Pendulum,
} from './environments.js';
export type { Episode, VectorStep } from './group.js';
export { type PrioritizedBatch, PrioritizedReplayBuffer } from './prioritized-replay-buffer.js';
export { type Experience, type ReplayBatch, ReplayBuffer, type Spaces } from './replay-buffer.js';
export type { BoxSpace, DiscreteSpace, Space } from './spaces.js';
export { VectorEnvironment, type VectorEnvironmentOptions } from './vector-environment.js';
