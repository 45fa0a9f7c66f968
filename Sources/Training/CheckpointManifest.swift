/// What a checkpoint says about itself; written last, so a folder with a manifest is whole.
public struct CheckpointManifest: Codable, Sendable, Equatable {
  /// A file of the checkpoint.
  public struct File: Codable, Sendable, Equatable {
    /// The name inside the folder.
    public var name: String
    /// Its CRC-32, eight hexadecimal digits.
    public var crc32: String
    /// The first row of the table that it holds and the one behind its last; nil for what is not rows.
    public var rows: [Int]?
  }

  /// The file's name.
  public static let fileName = "manifest.json"
  /// The version that this program writes.
  public static let currentVersion = 2

  /// The version it was written with.
  public var version = currentVersion
  /// The phase.
  public var phase: String
  /// Steps made in the phase.
  public var step: Int
  /// Epochs that these steps make.
  public var epoch: Double
  /// The data set's checksum.
  public var dataset: String
  /// The number of items, V.
  public var items: Int
  /// The validation metric that checkpoints are chosen by, and its value; nil before the first evaluation.
  public var selectedBy: String?
  /// Its value.
  public var score: Double?
  /// The files.
  public var files: [File] = []

  /// Describes a checkpoint that is about to be written.
  public init(phase: String, step: Int, epoch: Double, dataset: String, items: Int, selectedBy: String?, score: Double?) {
    self.phase = phase
    self.step = step
    self.epoch = epoch
    self.dataset = dataset
    self.items = items
    self.selectedBy = selectedBy
    self.score = score
  }
}
