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

    /// Binds a run.
    public init(dataset: String, checksum: String) {
      self.dataset = dataset
      self.checksum = checksum
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
  /// The folder of a phase's checkpoints.
  public func checkpointsPath(phase: String) -> String { "\(path)/checkpoints/\(phase)" }

  /// Makes the folder.
  ///
  /// Throws `InputError` when something stands in the way.
  public func create() throws {
    do {
      try FileManager.default.createDirectory(atPath: "\(path)/checkpoints", withIntermediateDirectories: true)
    } catch {
      throw InputError("\(path) cannot be made a run directory (\(error.localizedDescription)); choose another --out")
    }
  }

  /// Whether a run was started here.
  public var exists: Bool { FileManager.default.fileExists(atPath: configPath) }

  /// Writes configuration and record, each whole or not at all.
  public func write(config: String, record: Record) throws {
    var file = try AtomicFile(path: configPath)
    try file.write(config)
    try file.commit()
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
