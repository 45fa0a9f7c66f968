package import CKernels

/// What random numbers are drawn for; part of the key, so that no two purposes share a draw.
package enum RandomPurpose: UInt32, Sendable {
  /// Initial values of a dense parameter.
  case denseParameter = 1
  /// Initial values of an item's ID row.
  case itemRow = 2
  /// Dropout masks: one purpose a place in the model, counted up from here (at most 4096 places).
  case dropout = 0x1000
  /// The order in which a virtual shard walks its users.
  case permutation = 3
  /// Shared negatives of a step.
  case negatives = 4
  /// Which part of a long history a step sees.
  case window = 5
  /// Which target event a targeted step trains on.
  case target = 6
  /// Data made up for benchmarks.
  case benchmark = 7
  /// Which way an updated token state is rounded.
  case tokenRounding = 8
  /// Which users and items an index is measured on.
  case indexSample = 9
}

/// A keyed stream of counter-based random numbers: Philox 4x32-10 (Salmon et al., SC'11).
///
/// A draw is a pure function of (seed, purpose, step, row, column): never of a rank, a thread or what was drawn before.
package struct RandomStream: Sendable {
  /// The key and purpose as the kernels take them.
  package let raw: ck_stream

  /// Makes the stream of a seed, a purpose and a step (or another 32-bit number that tells streams apart).
  package init(seed: UInt64, purpose: RandomPurpose, step: UInt32 = 0) {
    self.init(seed: seed, rawPurpose: purpose.rawValue, step: step)
  }

  /// Makes the dropout stream of one of the model's dropouts, its site, at a step.
  package init(seed: UInt64, dropoutSite site: Int, step: UInt32) {
    precondition((0..<4096).contains(site), "dropout site \(site)")
    self.init(seed: seed, rawPurpose: RandomPurpose.dropout.rawValue + UInt32(site), step: step)
  }

  private init(seed: UInt64, rawPurpose: UInt32, step: UInt32) {
    raw = ck_stream(key0: UInt32(truncatingIfNeeded: seed), key1: UInt32(seed >> 32), purpose: rawPurpose, step: step)
  }

  /// Four random words: block `column` of row `row`.
  package func words(row: UInt64, column: UInt32 = 0) -> (UInt32, UInt32, UInt32, UInt32) {
    let upper = UInt32(truncatingIfNeeded: row >> 32) ^ (raw.purpose << 16)
    return Philox.block((column, UInt32(truncatingIfNeeded: row), upper, raw.step), key: (raw.key0, raw.key1))
  }

  /// A number in `0 ..< bound`, by multiplication (bias below bound · 2⁻⁶⁴).
  package func below(_ bound: Int, row: UInt64, column: UInt32 = 0) -> Int {
    precondition(bound > 0, "a draw below \(bound)")
    let (low, high, _, _) = words(row: row, column: column)
    return Int((UInt64(high) << 32 | UInt64(low)).multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Fills `out` with normal numbers of mean zero: the elements of one row.
  package func fillNormal(row: UInt64, _ out: Vector, deviation: Float) {
    ck_fill_normal(raw, row, out.count, deviation, out.base)
  }

  /// Fills `out` with numbers uniform in `-bound ..< bound`: the elements of one row.
  package func fillUniform(row: UInt64, _ out: Vector, bound: Float) {
    ck_fill_uniform(raw, row, out.count, bound, out.base)
  }

  /// A 32-bit number for a name (FNV-1a), to tell named streams apart.
  package static func hash(_ name: String) -> UInt32 {
    name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }
}

/// Philox 4x32-10 in Swift, for single draws; the kernels' twin in C fills rows (a test holds the two together).
enum Philox {
  /// Ten rounds over a counter with a key (Salmon et al., SC'11).
  package static func block(
    _ counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c0, c1, c2, c3) = counter
    var (k0, k1) = key
    for _ in 0..<10 {
      let p0 = UInt64(0xD251_1F53) &* UInt64(c0)
      let p1 = UInt64(0xCD9E_8D57) &* UInt64(c2)
      (c0, c1, c2, c3) = (
        UInt32(p1 >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: p1), UInt32(p0 >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: p0)
      )
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }
}
