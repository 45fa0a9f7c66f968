package import Files
package import Foundation

/// `manifest.json` of a data set: what is in it, how it was made, and what its files must look like.
///
/// It is written last, so a folder with a manifest is whole. Nothing in it depends on the machine, the clock or the memory budget.
package struct DatasetManifest: Codable, Sendable, Equatable {
  /// The file's name inside a data set.
  package static let fileName = "manifest.json"
  /// The value of `format` in every manifest of ours.
  static let formatName = "precise-dataset"
  /// The version of every data set but those with cold items.
  package static let currentVersion = 1
  /// The version of data sets with cold items: a program that does not know them would train on what is to be left out.
  package static let coldVersion = 2

  /// `precise-dataset`.
  package var format = DatasetManifest.formatName
  /// The layout's version.
  package var version = DatasetManifest.currentVersion
  /// The identity of the data: FNV-1a with a finalizer (see `VirtualShards.hash`) over the lines `path bytes crc32` of `files`, 16 hex digits.
  package var checksum = ""
  /// Kept users.
  @Bounded<CountBounds> package var users = 0
  /// Kept items, the catalogue's rows.
  @Bounded<ItemBounds> package var items = 0
  /// Kept events.
  @Bounded<CountBounds> package var events = 0
  /// The unit of every stored time.
  package var timeUnit = "microseconds since 1970-01-01 UTC"
  /// How the events were ordered, filtered and split.
  package var preparation = PreparationProtocol()
  /// How many events each part of the split has.
  package var split = SplitCounts()
  /// Scenes in order of first appearance; an event's scene number is the place in here.
  package var scenes: [CategoryCount] = []
  /// Behaviors in order of first appearance; an event's behavior number is the place in here.
  package var behaviors: [CategoryCount] = []
  /// How long the users' sequences are.
  package var sequenceLengths = SequenceLengths()
  /// Rows read, refused and dropped, and why.
  package var counts = PreparationCounts()
  /// What the cold protocol kept out of training; nil without it.
  package var coldItems: ColdCounts?
  /// Ties and leaks of the split.
  package var audit = LeakAudit()
  /// What may be a mistake in the files, a sentence each; nil = nothing.
  package var warnings: [String]?
  /// The data set that this one was appended to; nil when it was made of files alone.
  package var appendedTo: AppendedTo?
  /// The files the data came from.
  package var inputs: [Input] = []
  /// Users and events of each virtual shard, in order.
  package var shards: [Shard] = []
  /// Every file but this one.
  package var files: [File] = []

  package init() {}

  /// An input file.
  package struct Input: Codable, Sendable, Equatable {
    /// The path as it was given.
    package var path: String
    /// `interactions`, `items`, or `dataset`: one that was appended to.
    package var kind: String
    /// Rows in it, good and bad, without the header.
    @Bounded<CountBounds> package var rows: Int
    /// Rows refused.
    @Bounded<CountBounds> package var badRows: Int

    package init(path: String, kind: String, rows: Int, badRows: Int) {
      self.path = path
      self.kind = kind
      self.rows = rows
      self.badRows = badRows
    }
  }

  /// Extents of a virtual shard.
  package struct Shard: Codable, Sendable, Equatable {
    /// Users in the shard.
    @Bounded<ItemBounds> package var users: Int
    /// Events of these users.
    @Bounded<CountBounds> package var events: Int

    package init(users: Int, events: Int) {
      self.users = users
      self.events = events
    }
  }

  /// A file of the data set.
  package struct File: Codable, Sendable, Equatable {
    /// The path inside the data set.
    package var path: String
    /// Size in bytes.
    @Bounded<ByteBounds> package var bytes: Int
    /// CRC-32 of the whole file, eight hex digits.
    package var crc32: String

    package init(path: String, bytes: Int, crc32: String) {
      self.path = path
      self.bytes = bytes
      self.crc32 = crc32
    }
  }

  /// Reads and checks a manifest.
  ///
  /// Throws `InputError` saying what is wrong with it.
  static func read(_ path: String) throws -> DatasetManifest {
    let data = try SmallFile.read(path)
    guard let head = try? RecordCoding.decode(Head.self, from: data), head.format == formatName else {
      throw InputError("\(path) is no data set's manifest; make the data set with precise prepare")
    }
    guard [currentVersion, coldVersion].contains(head.version) else {
      throw InputError(
        "\(path) has layout version \(head.version), this program reads \(currentVersion) and \(coldVersion); prepare the data set again"
      )
    }
    do {
      let manifest = try RecordCoding.decode(DatasetManifest.self, from: data)
      try manifest.check(path)
      return manifest
    } catch let error as DecodingError {
      throw InputError("\(path) is damaged (\(jsonDamage(error))); make the data set again")
    }
  }

  /// Whether some items are kept out of training.
  var hasColdItems: Bool { preparation.coldItems != nil }

  /// Whether a file says of itself that it is a data set's manifest, sound or not.
  static func isManifest(_ path: String) -> Bool {
    (try? SmallFile.read(path)).flatMap { try? RecordCoding.decode(Head.self, from: $0) }?.format == formatName
  }

  /// The manifest as it stands in the file.
  package func encoded() throws -> Data {
    try RecordCoding.encode(self) + Data("\n".utf8)
  }

  /// The checksum over a file list.
  package static func checksum(of files: [File]) -> String {
    let lines = files.map { "\($0.path) \($0.bytes) \($0.crc32)\n" }.joined()
    return hexadecimal(Array(lines.utf8).withUnsafeBytes { VirtualShards.hash($0) }, digits: 16)
  }

  /// A number in lower-case hex with leading zeros.
  package static func hexadecimal(_ value: some BinaryInteger, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private struct Head: Decodable {
    var format: String
    var version: Int
  }

  private func check(_ path: String) throws {
    let areTotalsSound =
      (0...events).contains(users) && CountBounds.range.contains(counts.eventsTooOld ?? 0)
      && (1...VirtualShards.maximumCount).contains(shards.count)
      && scenes.count <= Int(UInt16.max) && behaviors.count <= Int(UInt16.max)
      && (audit.earliestTestTime ?? 0).magnitude <= UInt64(Timestamp.maximumSeconds) * 1_000_000
    // Each shard is held against the totals before anything is summed up, so the sums cannot overflow.
    let areCountsSound =
      areTotalsSound
      && shards.allSatisfy {
        (0...min(users, Int(Int32.max))).contains($0.users) && ($0.users...max(events, $0.users)).contains($0.events)
      } && shards.reduce(0) { $0 + $1.users } == users && shards.reduce(0) { $0 + $1.events } == events
    let wanted = [ItemCatalogue.fileName] + shards.indices.map(UserShard.fileName)
    let isVersionSound =
      version == (hasColdItems ? Self.coldVersion : Self.currentVersion) && (coldItems != nil) == hasColdItems
    guard isVersionSound && areCountsSound && files.map(\.path) == wanted else {
      throw InputError("\(path) is damaged (its counts and file list do not fit together); make the data set again")
    }
    guard checksum == DatasetManifest.checksum(of: files) else {
      throw InputError("\(path) is damaged (its checksum does not fit its file list); make the data set again")
    }
  }
}
