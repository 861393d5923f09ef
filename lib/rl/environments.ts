// The environments that come with the library.
export { Acrobot } from './acrobot.js';
export { CartPole } from './cart-pole.js';
export type { ClassicOptions } from './classic-options.js';
export { ConnectFour, type ConnectFourOptions, type Opponent } from './connect-four.js';
export { LunarLander } from './lunar-lander.js';
export { MountainCar } from './mountain-car.js';
export { Pendulum } from './pendulum.js';
