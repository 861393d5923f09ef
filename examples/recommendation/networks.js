// The networks that say who will like what.
import { arange, cat, eye, linalg, log, matmul, nn, tensor } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Matrix factorisation: the product of a person's and a film's vector, and how well liked the film is. */
export class Factors extends nn.Module {
  /** @param {number} users @param {number} items @param {number} width */
  constructor(users, items, width) {
    super();
    this.users = embedding(users, width, 0.05);
    this.items = embedding(items, width, 0.05);
    this.bias = embedding(items, 1, 0);
  }

  /** @param {Tensor} user [n] @param {Tensor} item [n] @returns {Tensor} [n] */
  forward(user, item) {
    const product = this.users.forward(user).mul(this.items.forward(item)).sum(1);
    return product.add(this.bias.forward(item).squeeze(1));
  }

  /** @param {Tensor} user [n] @param {Tensor} items all of them @returns {Tensor} [n, items] */
  scores(user, items) {
    const products = matmul(this.users.forward(user), this.items.forward(items), { transposeB: true });
    return products.add(this.bias.forward(items).reshape([1, -1]));
  }
}

/**
 * Neural collaborative filtering (He et al., 2017, https://arxiv.org/abs/1708.05031): a product of vectors whose parts are
 * weighted, beside a network over both vectors.
 */
export class NeuralFilter extends nn.Module {
  /** @param {number} users @param {number} items @param {number} width */
  constructor(users, items, width) {
    super();
    this.users = embedding(users, width, 0.05);
    this.items = embedding(items, width, 0.05);
    this.deepUsers = embedding(users, width, 0.05);
    this.deepItems = embedding(items, width, 0.05);
    this.deep = nn.sequential(
      new nn.Linear(2 * width, width),
      new nn.ReLU(),
      new nn.Linear(width, width / 2),
      new nn.ReLU(),
    );
    this.last = new nn.Linear(width + width / 2, 1);
  }

  /** @param {Tensor} user [n] @param {Tensor} item [n] @returns {Tensor} [n] */
  forward(user, item) {
    const product = this.users.forward(user).mul(this.items.forward(item));
    const deep = this.deep.forward(cat([this.deepUsers.forward(user), this.deepItems.forward(item)], 1));
    return this.last.forward(cat([product, deep], 1)).squeeze(1);
  }

  /** @param {Tensor} user [n] @param {Tensor} items all of them @returns {Tensor} [n, items] */
  scores(user, items) {
    const [n] = user.shape;
    const [count] = items.shape;
    const each = user.reshape([n, 1]).expand([n, count]).reshape([-1]);
    const all = items.reshape([1, count]).expand([n, count]).reshape([-1]);
    return this.forward(each, all).reshape([n, count]);
  }
}

/**
 * Two towers (Yi et al., "Sampling-bias-corrected neural modeling for large corpus item recommendations", 2019,
 * https://doi.org/10.1145/3298689.3346996): a network makes a vector of a person, another one of a film, from what is known of them; what
 * fits has a large product. The films' vectors can be kept, so that finding the best of millions is a search among neighbours.
 */
export class TwoTowers extends nn.Module {
  /**
   * @param {{ userFeatures: Tensor, itemFeatures: Tensor, width: number }} options
   */
  constructor({ userFeatures, itemFeatures, width }) {
    super();
    this.userFeatures = new nn.Buffer(userFeatures);
    this.itemFeatures = new nn.Buffer(itemFeatures);
    this.userTower = new Tower(userFeatures.shape, width);
    this.itemTower = new Tower(itemFeatures.shape, width);
    this.temperature = 0.15;
  }

  /** @param {Tensor} user [n] @param {Tensor} item [m] @returns {Tensor} [n, m], how well each fits each */
  forward(user, item) {
    const people = this.userTower.forward(user, this.userFeatures).div(this.temperature);
    return matmul(people, this.itemTower.forward(item, this.itemFeatures), { transposeB: true });
  }

  /**
   * Sampled softmax: each film is wanted by its own person, and the others of the batch are what it is compared with. Films that are often liked
   * are often in batches; logQ, the logarithm of how often, is taken off their scores, or they would be learned as unwanted.
   *
   * @param {Tensor} user [n]
   * @param {Tensor} item [n]
   * @param {Tensor} logQ [items]
   * @returns {Tensor} a scalar
   */
  loss(user, item, logQ) {
    const [n] = item.shape;
    const corrected = this.forward(user, item).sub(logQ.indexSelect(0, item).reshape([1, n]));
    // The same film elsewhere in the batch is no rival of itself.
    const same = item
      .reshape([n, 1])
      .eq(item.reshape([1, n]))
      .mul(eye(n).eq(0));
    return nn.functional.crossEntropy(corrected.maskedFill(same, -1e9), arange(n, { dtype: 'int32' }));
  }

  /** @param {Tensor} user [n] @param {Tensor} items all of them @returns {Tensor} [n, items] */
  scores(user, items) {
    return this.forward(user, items);
  }
}

class Tower extends nn.Module {
  /** @param {readonly number[]} shape of the features @param {number} width */
  constructor([count, features], width) {
    super();
    this.ids = embedding(count, width, 0.1);
    this.layers = nn.sequential(
      new nn.Linear(width + features, 2 * width),
      new nn.ReLU(),
      new nn.Dropout(0.2),
      new nn.Linear(2 * width, width),
    );
  }

  /** @param {Tensor} id [n] @param {Tensor} features of all @returns {Tensor} [n, width], of length 1 */
  forward(id, features) {
    const own = this.ids.forward(id);
    const hidden = this.layers.forward(cat([own, features.indexSelect(0, id)], 1)).add(own);
    return nn.functional.normalize(hidden, { dim: 1 });
  }
}

/** @param {number} count @param {number} width @param {number} std */
function embedding(count, width, std) {
  const made = new nn.Embedding(count, width);
  nn.init.normal_(made.weight, 0, std);
  return made;
}

/**
 * Alternating least squares for likes (Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", 2008,
 * https://doi.org/10.1109/ICDM.2008.22): with the films' vectors held, the best vectors of the people have a closed form, and the other way round.
 *
 * @param {Tensor} liked [users, items], 0 and 1
 * @param {{ width: number, rounds: number, alpha: number, lambda: number }} options alpha: how much more a like counts than its lack
 * @param {Tensor} first [items, width], small random numbers
 * @returns {{ users: Tensor, items: Tensor }} vectors, whose products are the scores
 */
export function leastSquares(liked, { width, rounds, alpha, lambda }, first) {
  const turned = liked.transpose(0, 1);
  let [users, items] = [first, first];
  /** Solves (VᵀV + α Σ vvᵀ + λ I) x = (1 + α) Σ v for each row, where the sums are over what it likes. */
  const best = (/** @type {Tensor} */ likes, /** @type {Tensor} */ vectors) => {
    const [n] = vectors.shape;
    const outer = vectors
      .reshape([n, width, 1])
      .mul(vectors.reshape([n, 1, width]))
      .reshape([n, width * width]);
    const all = matmul(vectors, vectors, { transposeA: true }).add(eye(width, { dtype: vectors.dtype }).mul(lambda));
    const systems = matmul(likes, outer).mul(alpha).reshape([-1, width, width]).add(all);
    return linalg
      .solve(
        systems,
        matmul(likes, vectors)
          .mul(1 + alpha)
          .reshape([-1, width, 1]),
      )
      .squeeze(2);
  };
  for (let round = 0; round < rounds; round++) {
    users = best(liked, items);
    items = best(turned, users);
  }
  return { users, items };
}

/** @param {ArrayLike<number>} counts how often each film is liked @returns {Tensor} */
export function logShares(counts) {
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
  return log(tensor(Float32Array.from(counts, (count) => Math.max(count, 1) / total)));
}
