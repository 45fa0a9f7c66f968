package import Collectives
package import Files
import Foundation

/// What a rank that fails leaves behind for whoever looks afterwards, `precise launch` among them: `failure.json`.
///
/// What a failing rank prints goes through launchers and schedulers, and some of it is lost there; a file in the run directory is not.
package struct FailureRecord: Codable, Sendable, Equatable {
  /// The rank.
  @Bounded<CountBounds> package private(set) var rank: Int
  /// Its host.
  package let host: String
  /// The phase; nil when training had not begun.
  package let phase: String?
  /// The step, from 1.
  package let step: Int?
  /// The sentence that the rank printed.
  package let cause: String

  /// Describes a rank's error; nil when the rank only suffers from another's, or was asked to stop.
  package init?(_ communicator: any Communicator, _ error: any Error) {
    guard !(error is PeerFailure), !(error is StoppedEarly) else { return nil }
    let failure = RankFailure(communicator, cause: error)
    (rank, host, cause) = (failure.rank, failure.host, "\(error)")
    (phase, step) = (failure.position?.phase, failure.position?.step)
  }

  /// Writes it into a run directory, where the first rank's record stays.
  ///
  /// A disk that refuses it changes nothing.
  package func write(to directory: RunDirectory) {
    guard directory.exists, access(directory.failurePath, F_OK) != 0 else { return }
    if let data = try? RecordCoding.encode(self) { try? RunDirectory.write(data, to: directory.failurePath) }
  }

  /// The record of a run's last start; nil when it has not failed, or could not say so.
  package static func read(_ directory: RunDirectory) -> FailureRecord? {
    guard let data = FileManager.default.contents(atPath: directory.failurePath),
      let record = try? RecordCoding.decode(Self.self, from: data), CountBounds.range.contains(record.step ?? 0)
    else { return nil }
    return record
  }
}
