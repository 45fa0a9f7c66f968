import Files
import Foundation

/// The checkpoints of one phase: which there are, which is the phase's result, which may go.
public struct CheckpointStore: Sendable {
  /// The folder that holds them.
  public let path: String

  /// Names the folder of a phase's checkpoints.
  public init(path: String) { self.path = path }

  /// The folder of the checkpoint after `step` steps.
  public func path(step: Int) -> String {
    let digits = String(step)
    return "\(path)/step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  /// Every whole checkpoint, oldest first.
  ///
  /// A folder without a manifest is no whole checkpoint and does not count.
  public func all() -> [Checkpoint] { paths().compactMap { try? Checkpoint(path: $0) } }

  /// Throws `InputError` naming the first manifest that is there but cannot be read: one of the phase's checkpoints is damaged,
  /// and perhaps the best.
  public func checkManifests() throws {
    for path in paths() {
      // Without following a link: one that leads nowhere is damage too.
      let manifest = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(CheckpointManifest.fileName)")
      if manifest != nil { _ = try Checkpoint(path: path) }
    }
  }

  /// Gives a damaged checkpoint a name that counts nowhere, so that no command takes it for the phase's best.
  public func setAside(_ folder: String) throws {
    let name = URL(fileURLWithPath: folder).lastPathComponent
    let aside = "\(path)/damaged-\(name)"
    do {
      if FileManager.default.fileExists(atPath: aside) { try FileManager.default.removeItem(atPath: aside) }
      try FileManager.default.moveItem(atPath: folder, toPath: aside)
    } catch {
      throw InputError("\(folder) is damaged and cannot be renamed (\(error.localizedDescription)); move it away")
    }
  }

  /// Every folder that has a checkpoint's name, whole or not, oldest first.
  public func paths() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasPrefix("step-") }.sorted().map { "\(path)/\($0)" }
  }

  /// The phase's result: the best by the validation metric; without one, the newest.
  public func result() -> Checkpoint? {
    let all = all()
    return best(all).first ?? all.last
  }

  /// Removes what neither of the two rules keeps: the newest `last`, and the `best` ones by the validation metric.
  public func prune(last: Int, best count: Int) throws {
    let all = all()
    let kept = Set(all.suffix(max(last, 1)).map(\.path)).union(best(all).prefix(count).map(\.path))
    for checkpoint in all where !kept.contains(checkpoint.path) { try remove(checkpoint.path) }
  }

  /// Removes what writing and removing left behind when the run was killed; only while no run writes here.
  public func removeLeftovers() throws {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where name.hasPrefix(".step-") {
      try remove("\(path)/\(name)")
    }
  }

  /// The best score of the checkpoints that are there.
  public var bestScore: Double? { best(all()).first?.manifest.score }

  /// Removes a folder; never one file after the other under a name that counts as whole.
  private func remove(_ folder: String) throws {
    let url = URL(fileURLWithPath: folder)
    let hidden = "\(path)/.\(url.lastPathComponent.drop { $0 == "." }).removed"
    do {
      if hidden != folder {
        try? FileManager.default.removeItem(atPath: hidden)
        try FileManager.default.moveItem(atPath: folder, toPath: hidden)
      }
      try FileManager.default.removeItem(atPath: hidden)
    } catch {
      throw InputError("\(folder) cannot be removed (\(error.localizedDescription)); it is not needed any more")
    }
  }

  /// Checkpoints with a score, best first; of equal ones the earlier.
  private func best(_ all: [Checkpoint]) -> [Checkpoint] {
    all.filter { $0.manifest.score != nil }
      .sorted { ($0.manifest.score ?? 0, $1.manifest.step) > ($1.manifest.score ?? 0, $0.manifest.step) }
  }
}
