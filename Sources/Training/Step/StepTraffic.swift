package import Collectives
import Config
package import Host
package import Model
import Tensors

/// The bytes that one rank sends to others in a training step, by what they are about: the formula.
///
/// What is really sent is counted by `TrafficCounter`.
/// Exact for a step whose rows and users are known, which a test holds to the bytes counted; for an estimate the expected numbers go
/// in, and no rank in particular. docs/scaling.md.
///
/// Letters: R ranks, F foreign rows, A given rows, d width, P dense parameters, N_b negatives drawn from the batch, B users, K experts.
package struct StepTraffic: Sendable, Equatable {
  /// R.
  package var ranks = 1
  /// Which rank, since shares of a buffer differ by an element; nil = the mean of the ranks.
  package var rank: Int?
  /// F: rows that this rank wants and others own; (1 − 1/R) · U of its U rows when owners are as good as drawn.
  package var foreignRows = 0.0
  /// A: rows of this rank that others want, counted once for each; over the ranks their sum is F's.
  package var givenRows = 0.0
  /// d, the width of an embedding.
  package var width = 0
  /// P, the length of the flat buffer of dense gradients, padding included.
  package var parameters = 0
  /// b_g, bytes of a dense gradient on the wire.
  var gradientBytes = 4
  /// Negatives that this rank draws from its slice.
  package var draws = 0.0
  /// Users of this rank's slice.
  package var users = 0.0
  /// B, users of the whole job's batch.
  package var allUsers = 0.0
  /// Whether users are ranked against each other (BPR).
  package var ranksUsers = false
  /// Doubles that are summed over the ranks: flags, losses, routing.
  package var sums = 0

  /// A step of one rank without anything in it.
  package init() {}

  /// What is the same in every step of a phase; ranks and what the step is made of are still to be filled in.
  package init(_ shape: ModelShape, _ terms: [LossTerm], wire: NumberFormat) {
    width = shape.fusion.width
    parameters = ParameterArena.count(of: PreciseModel.specs(shape))
    gradientBytes = wire == .bf16 ? 2 : 4
    ranksUsers = terms.contains { $0.kind == .bpr && $0.weight > 0 }
    sums = StepSums.count(terms: terms.count, experts: shape.fusion.readsText ? shape.fusion.experts : 0)
  }

  /// Bytes of all kinds.
  package var total: Double { Traffic.allCases.reduce(0) { $0 + bytes(of: $1) } }

  /// Bytes of one kind.
  package func bytes(of traffic: Traffic) -> Double {
    let others = Double(ranks - 1)
    switch traffic {
    case .rowNumbers: return 8 * others + 4 * foreignRows
    case .embeddings: return 4 * Double(width) * givenRows
    case .embeddingGradients: return 4 * Double(width) * foreignRows
    case .denseGradients:
      return BucketedAllReduce.pieces(of: parameters, ranks: ranks).reduce(0) { $0 + reduced($1.count, bytes: gradientBytes) }
    case .negatives: return 4 * (2 + draws) * others
    case .users:
      guard ranksUsers else { return 0 }
      return 4 * Double(width + 1) * users * others + 4 * Double(width) * (allUsers - users)
    case .sums: return 8 * sums <= Shares.fewBytes ? Double(8 * sums) * others : reduced(sums, bytes: 8)
    case .other: return 0
    }
  }

  /// The formula of a kind, for people.
  package static func formula(of traffic: Traffic) -> String {
    switch traffic {
    case .rowNumbers: "8 (R - 1) + 4 F"
    case .embeddings: "4 d A"
    case .embeddingGradients: "4 d F"
    case .denseGradients: "2 b_g P (R - 1) / R"
    case .negatives: "4 (R - 1) (2 + N_b / R)"
    case .users: "4 (R - 1) (B / R) (2 d + 1)"
    case .sums: "8 (R - 1) (\(StepSums.flags) + losses + 2 K + 1)"
    case .other: "0"
    }
  }

  /// An all-reduce by shares: everybody's part of the others' shares goes out, then the own share's sum to everybody.
  private func reduced(_ count: Int, bytes: Int) -> Double {
    let own = rank.map { Double(Shares.range(of: $0, ranks: ranks, count: count).count) } ?? Double(count) / Double(ranks)
    return Double(bytes) * (Double(count) - own + own * Double(ranks - 1))
  }
}
