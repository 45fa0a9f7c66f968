/// Bytes on the wire, counted: what one rank has sent to others, by what it was about.
///
/// The formula that predicts them is `StepTraffic`; a test holds the two together.
package final class TrafficCounter {
  /// Bytes sent to other ranks, by `Traffic`.
  package private(set) var bytes = [Int](repeating: 0, count: Traffic.allCases.count)

  /// Adds what an exchange sends to other ranks.
  package func count(_ exchange: Exchange, from rank: Int, as traffic: Traffic) {
    for (other, segment) in exchange.send.enumerated() where other != rank { bytes[traffic.rawValue] += segment.bytes }
  }

  /// Starts counting anew.
  func reset() {
    for kind in bytes.indices { bytes[kind] = 0 }
  }
}

/// What a message is about; the lines of a traffic report.
///
/// Each case says which file sends it.
package enum Traffic: Int, CaseIterable, Sendable {
  /// Numbers of wanted rows, and how many: `RowExchange`.
  case rowNumbers
  /// Fused embeddings, from their owners: `RowExchange`.
  case embeddings
  /// Gradients of the embeddings, to the owners: `RowExchange`.
  case embeddingGradients
  /// Gradients of the dense parameters: `BucketedAllReduce`.
  case denseGradients
  /// The shared negatives, and the sizes of the ranks' slices: `StepInputs.begin`.
  case negatives
  /// Users and targets of the whole batch, and the gradients of foreign users: `TargetedObjective`.
  case users
  /// Losses, routing counts, flags: `TrainStep`.
  case sums
  /// What is no part of a training step.
  case other
}

/// The messages that a rank really sends: `TrafficCounter` knows what they are about, this one where they go.
///
/// The two differ where ranks send by host: messages are carried for others then, and copies go to a host once.
package final class MessageCounter {
  /// Messages to other ranks, empty ones included.
  package private(set) var all = 0
  /// Those of them to ranks on other hosts.
  package private(set) var betweenHosts = 0
  /// What those bring, in bytes.
  package private(set) var bytesBetweenHosts = 0
  private var isAway: [Bool] = []

  /// Makes a counter for a world on one host.
  package init() {}

  /// Says which ranks are on other hosts than `rank`.
  package func know(_ map: HostMap, rank: Int) { isAway = map.hosts.map { $0 != map.hosts[rank] } }

  /// Counts a message to another rank.
  func count(_ segment: Segment, to rank: Int) {
    all += 1
    guard !isAway.isEmpty, isAway[rank] else { return }
    betweenHosts += 1
    bytesBetweenHosts += segment.bytes
  }

  /// Starts counting anew.
  func reset() { (all, betweenHosts, bytesBetweenHosts) = (0, 0, 0) }
}
