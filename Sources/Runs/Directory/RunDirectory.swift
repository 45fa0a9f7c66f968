import Config
package import Files
import Foundation

/// Where a run keeps what it makes: configuration, metrics, evaluation, checkpoints.
package struct RunDirectory: Sendable {
  /// What a run is bound to, in `run.json`.
  package struct Record: Codable, Sendable, Equatable {
    /// The data set's folder, as an absolute path.
    package var dataset: String
    /// The data set's checksum when the run began.
    package var checksum: String
    /// The checkpoint that the run began with; nil for one that began with a new model.
    package var from: StartingPoint?
    /// The checksum of the token states that it reads (`TokenStates.checksum`); nil when it reads none, or was begun before this was
    /// noted.
    package var tokenStates: String?

    enum CodingKeys: String, CodingKey {
      case dataset, from
      case checksum = "datasetChecksum"
      case tokenStates = "tokenStatesChecksum"
    }

    /// What keys of earlier versions are called now.
    static let renamed = ["checksum": "datasetChecksum"]

    /// Binds a run.
    package init(dataset: String, checksum: String, tokenStates: String? = nil, from: StartingPoint? = nil) {
      self.dataset = dataset
      self.checksum = checksum
      self.tokenStates = tokenStates
      self.from = from
    }

    /// Throws `InputError` when a data set has other token states now than the run was begun with.
    func checkTokenStates(_ now: String?, run: String, dataset: String) throws {
      guard let tokenStates, let now, tokenStates != now else { return }
      throw InputError(
        "\(dataset) has other token states now than \(run) was trained on (checksum \(now), was \(tokenStates)); encode it as it was "
          + "then, or train a run of its own")
    }
  }

  private static let recordName = "run.json"

  /// The folder.
  package let path: String

  /// Names a folder; it need not exist yet.
  package init(path: String) { self.path = OutputFolder.withoutTrailingSlash(path) }

  /// The resolved configuration.
  package var configPath: String { "\(path)/config.yaml" }
  /// A line of JSON a logged step.
  package var metricsPath: String { "\(path)/metrics.jsonl" }
  /// Metrics by phase, split and bucket.
  package var evaluationPath: String { "\(path)/evaluation.json" }
  /// Why the last start failed.
  package var failurePath: String { "\(path)/failure.json" }
  /// The folder of what is kept of steps whose numbers had gone wrong.
  package var diagnosticsPath: String { "\(path)/diagnostics" }
  /// The phases that have a folder of checkpoints, by name.
  package var phasesOnDisk: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/checkpoints")) ?? []).filter { !$0.hasPrefix(".") }.sorted()
  }
  /// The folder of a phase's checkpoints.
  package func checkpointsPath(phase: String) -> String { "\(path)/checkpoints/\(phase)" }

  /// What a folder that a run is to be in may be.
  package enum Standing: Sendable, Equatable {
    /// There is nothing in it that is anybody's.
    case nobodys
    /// It is a run.
    case run
  }

  /// Looks at what stands at the path.
  ///
  /// Throws `InputError` when it is neither a run nor nobody's: a run has a readable `run.json`, and a folder with other things in it is
  /// no place for one.
  @discardableResult
  package func checkStanding() throws -> Standing {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return .nobodys }
    guard isFolder.boolValue else { throw InputError("\(path) is a file; name a folder for the run") }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      throw InputError("\(path) cannot be read: \(systemReason(error))")
    }
    let isBound = names.contains(Self.recordName)
    if isBound && exists {
      _ = try record()
      return .run
    }
    // A start that was killed before its run existed leaves these.
    let harmless = [RunLock.fileName] + (isBound ? [Self.recordName] : []) + (isEmpty("checkpoints") ? ["checkpoints"] : [])
    guard let other = names.first(where: { !harmless.contains($0) && !OutputFolder.isNobodys($0) }) else { return .nobodys }
    throw InputError("\(path) is a folder with other things in it (\(other)), not a run; name another --out")
  }

  private func isEmpty(_ folder: String) -> Bool {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)"))?.isEmpty ?? false
  }

  /// Makes the folder.
  ///
  /// Throws `InputError` when something stands in the way.
  package func create() throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw InputError("\(path) cannot be made a run directory (\(systemReason(error))); choose another --out")
    }
  }

  /// Whether a run was started here.
  package var exists: Bool { FileManager.default.fileExists(atPath: configPath) }

  /// Whether an entry of the folder is of those that a run writes.
  static func owns(_ name: String) -> Bool {
    let names = ["metrics.jsonl", "evaluation.json", "failure.json", "diagnostics", "checkpoints", "trace"]
    // A removal that was killed goes on.
    return name.hasPrefix("events.out.tfevents.")
      || names.contains { name == $0 || name == OutputFolder.nameWhileRemoved($0) }
  }

  /// Whether a path is a file of this run, or lies in a folder of it.
  package func owns(_ path: CanonicalPath) -> Bool {
    let folder = CanonicalPath(self.path)
    guard path != folder, path.isInside(folder) else { return false }
    let name = path.text.dropFirst(folder.text.count).split(separator: "/").first.map(String.init) ?? ""
    let bound = [Self.recordName, RunLock.fileName, "config.yaml", "evaluation.lock"]
    return Self.owns(name) || bound.contains(name)
  }

  /// Removes what a run has made, and nothing else.
  ///
  /// What it is bound to stays until something else takes that place, and so does the folder itself, which may be where a disk is mounted.
  /// Throws `InputError` when something cannot be removed.
  package func clear() throws {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw InputError("\(path) cannot be read: \(systemReason(error))")
    }
    for name in names where Self.owns(name) { try OutputFolder.remove("\(path)/\(name)") }
  }

  /// Writes record and configuration, each whole or not at all.
  package func write(config: String, record: Record) throws {
    try write(record)
    // Last, because with it the run exists.
    var file = try AtomicFile(path: configPath)
    try file.write(config)
    try file.commit()
  }

  /// Notes what the run began with.
  package func note(_ start: StartingPoint) throws {
    var record = try record()
    record.from = start
    try write(record)
  }

  private func write(_ record: Record) throws {
    try Self.write(try RecordCoding.encode(record), to: "\(path)/\(Self.recordName)")
  }

  /// What the run is bound to.
  ///
  /// Throws `InputError` when the folder is no run.
  package func record() throws -> Record {
    let file = "\(path)/\(Self.recordName)"
    guard exists, access(file, F_OK) == 0 else {
      throw InputError("\(path) is not a run directory: it has no config.yaml and run.json; give the --out of precise train")
    }
    let data = try SmallFile.read(file)
    do {
      return try RecordCoding.decode(Record.self, from: data, renamed: Record.renamed)
    } catch {
      throw InputError("\(file) cannot be read; put it back as it was, or train again")
    }
  }

  static func write(_ data: Data, to path: String) throws {
    var file = try AtomicFile(path: path)
    try data.withUnsafeBytes { try file.write($0) }
    try file.commit()
  }
}
