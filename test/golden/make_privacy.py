"""What Opacus' accountant says of trainings: privacy.json. Made with opacus 1.6 (`pip install opacus`)."""
import warnings

from opacus.accountants import RDPAccountant
from opacus.accountants.utils import get_noise_multiplier

from common import write

warnings.simplefilter('ignore')
cases = []
for steps in ([(1.1, 256 / 60000, 2340)], [(0.7, 0.01, 1000)], [(4.0, 0.05, 500)], [(1.0, 1.0, 10)], [(2.0, 0.5, 3)],
              [(0.3, 0.001, 100)], [(10.0, 0.01, 5)], [(1.3, 0.02, 200), (0.9, 0.02, 100)]):
    for delta in (1e-5, 1e-3):
        accountant = RDPAccountant()
        for noise, rate, count in steps:
            for _ in range(count):
                accountant.step(noise_multiplier=noise, sample_rate=rate)
        cases.append({'steps': steps, 'delta': delta, 'epsilon': accountant.get_epsilon(delta)})
noises = [{
    'targetEpsilon': epsilon, 'targetDelta': 1e-5, 'sampleRate': rate, 'steps': steps,
    'noise': get_noise_multiplier(target_epsilon=epsilon, target_delta=1e-5, sample_rate=rate, steps=steps, accountant='rdp', epsilon_tolerance=1e-4),
} for epsilon, rate, steps in ((1.0, 0.01, 1000), (8.0, 0.05, 300), (3.0, 0.004, 2000))]
write('privacy.json', {'cases': cases, 'noises': noises})
