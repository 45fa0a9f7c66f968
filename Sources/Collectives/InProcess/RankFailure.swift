import Foundation
import Host

/// A rank's error, with what it takes to find the rank again.
package struct RankFailure: Error, CustomStringConvertible {
  /// The rank.
  package let rank: Int
  /// The host that it ran on.
  package let host: String
  /// The phase and its step, from 1; nil outside of training.
  package let position: (phase: String, step: Int)?
  /// What it threw.
  package let cause: any Error

  /// Notes an error of this rank.
  package init(_ communicator: any Communicator, cause: any Error) {
    rank = communicator.rank
    host = Machine.host
    position = communicator.state.position
    self.cause = cause
  }

  /// The same of another rank, which has told it.
  init(of rank: Int, on host: String, cause: any Error) {
    (self.rank, self.host, self.cause) = (rank, host, cause)
    position = nil
  }

  /// An error with the rank that it came from: this one's, unless it says itself whose it is.
  package static func of(_ error: any Error, on communicator: any Communicator) -> RankFailure {
    (error as? RankFailure) ?? RankFailure(communicator, cause: error)
  }

  /// Which rank, where, and when: `rank 1 on node7, universal step 12`.
  package var location: String { "rank \(rank) on \(host)" + (position.map { ", \($0.phase) step \($0.step)" } ?? "") }

  /// The whole line.
  package var description: String { "\(cause) (\(location))" }
}

/// Another rank has failed or left, so an exchange cannot end; the cause is that rank's own error.
package struct PeerFailure: Error, CustomStringConvertible {
  /// The rank that is gone.
  package let rank: Int

  /// One sentence.
  package var description: String { "rank \(rank) has stopped" }
}
