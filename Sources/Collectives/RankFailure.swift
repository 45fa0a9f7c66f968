import Foundation

/// A rank's error, with what it takes to find the rank again.
public struct RankFailure: Error, CustomStringConvertible {
  /// The rank.
  public let rank: Int
  /// The host that it ran on.
  public let host: String
  /// The phase and its step, from 1; nil outside of training.
  public let place: (phase: String, step: Int)?
  /// What it threw.
  public let cause: any Error

  /// Notes an error of this rank.
  public init(_ communicator: any Communicator, cause: any Error) {
    rank = communicator.rank
    host = ProcessInfo.processInfo.hostName
    place = communicator.state.place
    self.cause = cause
  }

  /// Which rank, where, and when: `rank 1 on node7, universal step 12`.
  public var location: String { "rank \(rank) on \(host)" + (place.map { ", \($0.phase) step \($0.step)" } ?? "") }

  /// The whole line.
  public var description: String { "\(cause) (\(location))" }
}
