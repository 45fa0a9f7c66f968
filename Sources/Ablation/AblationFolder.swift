package import Files
import Foundation
import Reporting

/// The folder of an ablation: a run directory for each variant and seed, a record and a log beside each, and the results of all.
///
/// ```
/// ablation.json                      says that the folder is an ablation
/// runs/VARIANT/seed-N/               run directories, as precise train makes them
/// results/VARIANT/seed-N.json        what is known of a run (AblationRecord)
/// logs/VARIANT-seed-N.log            what training and evaluating have said
/// table.md, table.json, plot.svg, popularity.svg, curves.svg, gains.svg
/// ```
package struct AblationFolder: Sendable {
  /// How an ablation that is there already is met.
  package enum Intent: Sendable {
    /// It must not be there.
    case begin
    /// It goes on.
    case resume
    /// Its runs are trained anew.
    case overwrite
  }

  private static let marker = "ablation.json"
  private static let format = "precise-ablation"

  /// The folder.
  package let path: String

  /// Names a folder; it need not exist yet.
  package init(path: String) { self.path = OutputFolder.withoutTrailingSlash(path) }

  /// The run directory of a variant and a seed.
  package func run(_ variant: String, seed: UInt64) -> String { "\(path)/runs/\(variant)/seed-\(seed)" }
  /// Its record.
  package func record(_ variant: String, seed: UInt64) -> String { "\(path)/results/\(variant)/seed-\(seed).json" }
  /// What its evaluating prints, while it does.
  package func printed(_ variant: String, seed: UInt64) -> String { "\(path)/results/\(variant)/.seed-\(seed).printed" }
  /// Each user's ranks, while they are evaluated.
  package func users(_ variant: String, seed: UInt64) -> String { "\(path)/results/\(variant)/.seed-\(seed).users.csv" }
  /// What its training and evaluating have said.
  package func log(_ variant: String, seed: UInt64) -> String { "\(path)/logs/\(variant)-seed-\(seed).log" }

  /// Makes the folder this job's, until the lock goes; nil where the file system has no locks.
  ///
  /// Throws `InputError` when the folder is none of ours, holds an ablation that it must not, or another job is in it.
  package func open(_ intent: Intent, grid: String) throws -> FileLock? {
    let isThere = try checkStanding()
    guard !isThere || intent != .begin else {
      throw InputError(
        "\(path) holds an ablation already; give --resume to go on with it, another --out, or --overwrite to train it anew")
    }
    try makeFolder(path)
    let lock: FileLock?
    do {
      lock = try FileLock(path: "\(path)/ablate.lock", waits: false)
    } catch .held {
      throw InputError("another precise ablate works in \(path); wait for it, stop it, or give another --out")
    } catch .closed(let reason) {
      throw InputError("\(path)/ablate.lock cannot be opened (\(reason)); give an --out that you may write to")
    } catch {
      lock = nil
    }
    try write(
      JSONValue.object([.init("format", .string(Self.format)), .init("grid", .string(grid))]).indented + "\n", to: Self.marker)
    return lock
  }

  /// Makes the folders of a variant's files.
  package func makeFolders(_ variant: String) throws {
    for folder in ["runs/\(variant)", "results/\(variant)", "logs"] { try makeFolder("\(path)/\(folder)") }
  }

  /// Writes a file of the folder, whole or not at all.
  package func write(_ text: String, to name: String) throws {
    var file = try AtomicFile(path: "\(path)/\(name)")
    try file.write(text)
    try file.commit()
  }

  /// Removes a file of the folder, where there is one.
  package func remove(_ name: String) throws {
    guard FileManager.default.fileExists(atPath: "\(path)/\(name)") else { return }
    try OutputFolder.remove("\(path)/\(name)")
  }

  /// Whether an ablation is there.
  private func checkStanding() throws -> Bool {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return false }
    guard isFolder.boolValue else { throw InputError("\(path) is a file; name a folder for the ablation") }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    if names.contains(Self.marker) {
      guard let value = try? JSONDecoder().decode(JSONValue.self, from: SmallFile.read("\(path)/\(Self.marker)")),
        value["format"] == .string(Self.format)
      else { throw InputError("\(path)/\(Self.marker) is none of an ablation; name another --out") }
      return true
    }
    guard let other = names.first(where: { $0 != "ablate.lock" && !OutputFolder.isNobodys($0) }) else { return false }
    throw InputError("\(path) is a folder with other things in it (\(other)), not an ablation; name another --out")
  }

  private func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw InputError("\(path) cannot be made (\(systemReason(error))); choose another --out")
    }
  }
}
