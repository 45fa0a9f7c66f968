package import Files
import Foundation
import Host

/// The checkpoints of one phase: which there are, which is the phase's result, which may go.
package struct CheckpointStore: Sendable {
  /// The folder that holds them.
  package let path: String

  /// Names the folder of a phase's checkpoints.
  package init(path: String) { self.path = path }

  /// The folder of the checkpoint after `step` steps.
  package func path(step: Int) -> String {
    let digits = String(step)
    return "\(path)/step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  /// Every whole checkpoint, oldest first.
  ///
  /// A folder without a manifest is no whole checkpoint and does not count.
  package func all() -> [Checkpoint] { paths().compactMap { try? Checkpoint(path: $0) } }

  /// Every folder that has a checkpoint's name, whole or not, oldest first.
  package func paths() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    // By number: from 10⁸ steps on names have more digits.
    return names.compactMap { name in Self.step(name).map { (name: name, step: $0) } }
      .sorted { ($0.step, $0.name) < ($1.step, $1.name) }.map { "\(path)/\($0.name)" }
  }

  /// The step that a checkpoint's name says; nil for other names.
  private static func step(_ name: String) -> Int? {
    let digits = name.dropFirst("step-".count)
    return name.hasPrefix("step-") && digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(digits) : nil
  }

  /// The phase's result: the best by the validation metric; without one, the newest.
  ///
  /// Throws `InputError` when a manifest cannot be read: it may be the best one's.
  package func result() throws -> Checkpoint? {
    let all = try paths().compactMap { folder in
      do {
        return try Checkpoint(path: folder)
      } catch {
        // Without a manifest it is none, or not there any more: a run that goes on removes old ones.
        // Looked at without following a link: one that leads nowhere is damage too.
        guard (try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(CheckpointManifest.fileName)")) != nil else {
          return nil as Checkpoint?
        }
        throw InputError("\(error); moving \(folder) away makes the next best the phase's result")
      }
    }
    return best(all).first ?? all.last
  }

  /// The phase's result, and what keeps a training from removing it as long as it is kept; nil when there is none.
  ///
  /// Throws `InputError` when a manifest cannot be read.
  package func heldResult() throws -> (checkpoint: Checkpoint, hold: FileHold?)? {
    // A training may put a better one in its place, and remove this one, between the look and the hold.
    for _ in 0..<100 {
      guard let found = try result() else { return nil }
      if let hold = Self.hold(found) { return (found, hold) }
      // One that lacks the file is damaged, which its reader says better.
      if access("\(found.path)/\(CheckpointManifest.fileName)", F_OK) == 0 { return (found, nil) }
    }
    throw InputError("the checkpoints of \(path) come and go faster than they can be read; try again")
  }

  /// Keeps a checkpoint from being removed while it is read; nil when it is gone already.
  package static func hold(_ checkpoint: Checkpoint) -> FileHold? { FileHold(path: heldFile(checkpoint)) }

  /// The file by which a checkpoint is held: one that is written once.
  private static func heldFile(_ checkpoint: Checkpoint) -> String { "\(checkpoint.path)/\(CheckpointManifest.dense)" }

  /// Removes what neither of the two rules keeps: the newest `last`, and the `best` ones by the validation metric.
  ///
  /// One that somebody reads stays until the next time.
  package func prune(last: Int, best count: Int) throws {
    let all = all()
    let kept = Set(all.suffix(max(last, 1)).map(\.path)).union(best(all).prefix(count).map(\.path))
    for checkpoint in all where !kept.contains(checkpoint.path) {
      try FileHold.unlessHeld(Self.heldFile(checkpoint)) { try OutputFolder.remove(checkpoint.path) }
    }
  }

  /// Removes every whole checkpoint but the phase's result: of a phase that has been trained to its end.
  ///
  /// One that somebody reads stays. Throws `InputError` when a manifest cannot be read.
  package func keepResult() throws {
    guard let result = try result() else { return }
    // The last step of a phase that ended early says that it has ended.
    let all = all()
    let last = all.last.flatMap { $0.manifest.isFinished ? nil : $0 }
    for checkpoint in all where checkpoint.path != result.path && checkpoint.path != last?.path {
      try FileHold.unlessHeld(Self.heldFile(checkpoint)) { try OutputFolder.remove(checkpoint.path) }
    }
  }

  /// Removes every checkpoint, whole or not: those of an earlier training of a phase that begins anew.
  package func removeAll() throws {
    for path in paths() { try OutputFolder.remove(path) }
  }

  /// Removes what writing and removing left behind when the run was killed; only for who holds the run's lock.
  ///
  /// Where the file system has no such lock, what a living job writes stays all the same.
  package func removeLeftovers() throws {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where name.hasPrefix(".step-") {
      try OutputFolder.removeLeftover("\(path)/\(name)")
    }
  }

  /// Takes a checkpoint that is not whole out of the way of those to come, under a name that does not count; returns its new path.
  package func setAside(_ checkpoint: String) throws -> String {
    let aside = "\(path)/damaged-\(URL(fileURLWithPath: checkpoint).lastPathComponent)"
    if access(aside, F_OK) == 0 { try OutputFolder.remove(aside) }
    guard rename(checkpoint, aside) == 0 else {
      throw InputError("\(checkpoint) cannot be moved out of the way: \(systemReason())")
    }
    return aside
  }

  /// The best score of the checkpoints that are there, and the step that it was measured after.
  package var best: (score: Double, step: Int)? {
    best(all()).first.flatMap { found in found.manifest.score.map { ($0, found.manifest.step) } }
  }

  /// Checkpoints with a score, best first; of equal ones the earlier.
  private func best(_ all: [Checkpoint]) -> [Checkpoint] {
    all.filter { $0.manifest.score != nil }
      .sorted { ($0.manifest.score ?? 0, $1.manifest.step) > ($1.manifest.score ?? 0, $0.manifest.step) }
  }
}
