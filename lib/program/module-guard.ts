// Whether the parts of modules that a recorded step used are still in their places.
import { native } from '../native.js';
import { Tensor } from '../tensor.js';
import { type Slot, SlotGuard } from './slot-guard.js';

/** A module as recorded steps see it, registered by `native.noteModule`. */
export interface GuardedModule {
  /** @internal */
  _slots(): Slot[];
}

const isTaken = ({ value }: Slot): boolean => value !== null && value !== undefined;

function handlesOf(slots: readonly Slot[]): number[] {
  return slots.map(({ value }) => (value instanceof Tensor ? value._handle : 0));
}

/** The modules that a recorded step may have used, and their parts at that time. */
export class ModuleGuard {
  private taken: readonly Slot[] = [];
  private handles: readonly number[] = [];
  private slotGuard = new SlotGuard([]);

  constructor(private readonly modules: readonly GuardedModule[]) {
    this.note(this.slots());
  }

  private slots(): Slot[] {
    return this.modules.flatMap((module) => module._slots());
  }

  private note(slots: readonly Slot[]): void {
    this.taken = slots.filter(isTaken);
    this.handles = handlesOf(this.taken);
    this.slotGuard = new SlotGuard(slots);
  }

  /** Whether each part is in its place; null if that takes a closer look. Called before each step. */
  quickCheck(): boolean | null {
    return this.slotGuard.check();
  }

  /** Whether each layer is in its place, in the same memory, and there are no others. */
  holds(): boolean {
    const slots = this.slots();
    const taken = slots.filter(isTaken);
    const isSame =
      taken.length === this.taken.length &&
      taken.every((slot, i) => {
        const { holder, key, value } = this.taken[i] as Slot;
        return slot.holder === holder && slot.key === key && slot.value === value;
      });
    if (!isSame || this.isConverted()) return false;
    this.note(slots);
    return true;
  }

  /** Whether a tensor's memory is not the one that the step was recorded with: the step will never fit again. */
  isConverted(): boolean {
    return handlesOf(this.taken).some((handle, i) => handle !== this.handles[i]);
  }
}

/**
 * Guards the modules that were called while a step was recorded or own tensors that it uses, and the modules that contain
 * them. Null when there are none.
 */
export function guardModules(called: ReadonlySet<object>, handles: readonly number[]): ModuleGuard | null {
  const slots = new Map((native.liveModules() as GuardedModule[]).map((module) => [module, module._slots()]));
  const used = new Set(handles);
  const parents = new Map<GuardedModule, GuardedModule[]>();
  const found = new Set<GuardedModule>();
  for (const [module, list] of slots) {
    if (called.has(module)) found.add(module);
    for (const { value } of list) {
      if (value instanceof Tensor) {
        if (used.has(value._handle)) found.add(module);
      } else if (slots.has(value as GuardedModule)) {
        const above = parents.get(value as GuardedModule);
        if (above === undefined) parents.set(value as GuardedModule, [module]);
        else above.push(module);
      }
    }
  }
  for (const module of found) for (const parent of parents.get(module) ?? []) found.add(parent); // found grows meanwhile
  return found.size === 0 ? null : new ModuleGuard([...found]);
}
