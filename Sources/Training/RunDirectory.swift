import Config
import Files
import Foundation

/// Where a run keeps what it makes: configuration, metrics, evaluation, checkpoints.
public struct RunDirectory: Sendable {
  /// What a run is bound to, in `run.json`.
  public struct Record: Codable, Sendable, Equatable {
    /// The data set's folder, as an absolute path.
    public var dataset: String
    /// The data set's checksum when the run began.
    public var checksum: String
    /// The checkpoint that the run began with; nil for one that began with a new model.
    public var from: StartingPoint?

    /// Binds a run.
    public init(dataset: String, checksum: String, from: StartingPoint? = nil) {
      self.dataset = dataset
      self.checksum = checksum
      self.from = from
    }
  }

  /// The folder.
  public let path: String

  /// Names a folder; it need not exist yet.
  public init(path: String) { self.path = path }

  /// The resolved configuration.
  public var configPath: String { "\(path)/config.yaml" }
  /// A line of JSON a logged step.
  public var metricsPath: String { "\(path)/metrics.jsonl" }
  /// Metrics by phase, split and bucket.
  public var evaluationPath: String { "\(path)/evaluation.json" }
  /// Why the last start failed.
  public var failurePath: String { "\(path)/failure.json" }
  /// The folder of what is kept of steps whose numbers had gone wrong.
  public var diagnosticsPath: String { "\(path)/diagnostics" }
  /// The folder of a phase's checkpoints.
  public func checkpointsPath(phase: String) -> String { "\(path)/checkpoints/\(phase)" }

  /// Makes the folder.
  ///
  /// Throws `InputError` when something stands in the way.
  public func create() throws {
    do {
      try FileManager.default.createDirectory(atPath: "\(path)/checkpoints", withIntermediateDirectories: true)
    } catch {
      throw InputError("\(path) cannot be made a run directory (\(systemReason(error))); choose another --out")
    }
  }

  /// Whether a run was started here.
  public var exists: Bool { FileManager.default.fileExists(atPath: configPath) }

  /// Removes a run, all but the folder itself, which may be where a disk is mounted.
  ///
  /// Throws `InputError` when something cannot be removed.
  public func clear() throws {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw InputError("\(path) cannot be read: \(systemReason(error))")
    }
    // The configuration last: while it stands, this is an older run.
    let configuration = URL(fileURLWithPath: configPath).lastPathComponent
    for name in names where name != configuration { try OutputFolder.remove("\(path)/\(name)") }
    if exists { try OutputFolder.remove(configPath) }
  }

  /// Writes record and configuration, each whole or not at all.
  public func write(config: String, record: Record) throws {
    try write(record)
    // Last, because with it the run exists.
    var file = try AtomicFile(path: configPath)
    try file.write(config)
    try file.commit()
  }

  /// Notes what the run began with.
  func note(_ start: StartingPoint) throws {
    var record = try record()
    record.from = start
    try write(record)
  }

  private func write(_ record: Record) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try Self.write(try encoder.encode(record), to: "\(path)/run.json")
  }

  /// What the run is bound to.
  ///
  /// Throws `InputError` when the folder is no run.
  public func record() throws -> Record {
    let file = "\(path)/run.json"
    guard exists, access(file, F_OK) == 0 else {
      throw InputError("\(path) is not a run directory: it has no config.yaml and run.json; give the --out of precise train")
    }
    let data = try SmallFile.read(file)
    do {
      return try JSONDecoder().decode(Record.self, from: data)
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
