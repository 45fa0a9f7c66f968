import Collectives
import Datasets
import Files
import Glibc
import Parquet

/// The interaction files of a preparation, in order, cut into what ranks can read side by side.
package struct ReadingPlan: Codable, Sendable {
  /// A file, or a row group of a Parquet file.
  struct Piece: Codable, Sendable, Equatable {
    /// The file's place among all, from 1.
    var input: Int
    var path: String
    /// The row group; nil = the whole file.
    var group: Int?
    /// What reading it costs, roughly: its bytes in the file.
    var bytes: Int
  }

  /// Consecutive row groups of a file, or all of it.
  struct Stretch {
    var input: Int
    var path: String
    var groups: Range<Int>?
  }

  private(set) var pieces: [Piece] = []
  /// Items files in order.
  private(set) var items: [String] = []
  /// Whether an items file is no plain file, so that one rank alone can read it.
  private(set) var hasItemStream = false
  /// The same of an interaction file: then rank 0 reads all of them, since others may not have the stream.
  private var isOneStream = false

  /// How many ranks find something to read.
  package var count: Int { isOneStream ? 1 : pieces.count }

  /// No file.
  init() {}

  /// Looks for the files, and opens every plain one once, so that a missing file or column fails before the work rather than after it.
  ///
  /// Throws `InputError`.
  package init(_ options: PreparationOptions) throws {
    if let problem = options.problems.first { throw InputError(problem) }
    let isFormatGiven = options.format != nil
    let interactions = try InputFiles.expand(options.interactions, isFormatGiven: isFormatGiven)
    let items = try InputFiles.expand(options.items, isFormatGiven: isFormatGiven)
    for file in interactions where !Self.isStream(file.path) { _ = try Importer.interactions(file, options) }
    for file in items where !Self.isStream(file.path) { _ = try Importer.items(file, options) }
    isOneStream = interactions.contains { Self.isStream($0.path) }
    for (index, file) in interactions.enumerated() { pieces += try Self.pieces(file, index + 1, options) }
    self.items = items.map(\.path)
    hasItemStream = self.items.contains(where: Self.isStream)
  }

  /// What a rank reads: consecutive shards of a data set that is appended to and consecutive pieces of the files, so that the ranks hold
  /// all rows in order; of about as many bytes.
  ///
  /// - Parameters:
  ///   - shards: the bytes of each shard, which come before all files.
  func share(of rank: Int, ranks: Int, shards: [Int]) -> (shards: Range<Int>, pieces: ArraySlice<Piece>) {
    let bytes = shards + pieces.map(\.bytes)
    let parts =
      isOneStream
      ? (rank == 0 ? bytes.indices : bytes.count..<bytes.count)
      : Shares.range(of: rank, ranks: ranks, count: bytes.count) { bytes[$0] }
    let own = { (range: Range<Int>) in parts.clamped(to: range) }
    let files = own(shards.count..<shards.count + pieces.count)
    return (own(0..<shards.count), pieces[(files.lowerBound - shards.count)..<(files.upperBound - shards.count)])
  }

  /// Pieces of the same file as one stretch.
  static func stretches(_ pieces: ArraySlice<Piece>) -> [Stretch] {
    var stretches: [Stretch] = []
    for piece in pieces {
      if let group = piece.group, let last = stretches.last, last.input == piece.input, let groups = last.groups {
        stretches[stretches.count - 1].groups = groups.lowerBound..<group + 1
      } else {
        stretches.append(Stretch(input: piece.input, path: piece.path, groups: piece.group.map { $0..<$0 + 1 }))
      }
    }
    return stretches
  }

  private static func pieces(_ file: InputFile, _ input: Int, _ options: PreparationOptions) throws -> [Piece] {
    var status = stat()
    let bytes = stat(file.path, &status) == 0 ? max(1, Int(status.st_size)) : 1
    let format = options.format ?? InputFormat(ofFile: file.path)
    guard format == .parquet, !isStream(file.path) else { return [Piece(input: input, path: file.path, bytes: bytes)] }
    let parquet = try ParquetFile(path: file.path)
    guard parquet.groupCount > 1 else { return [Piece(input: input, path: file.path, bytes: bytes)] }
    let rows = Double(max(1, parquet.rowCount))
    return (0..<parquet.groupCount).map { group in
      Piece(
        input: input, path: file.path, group: group,
        bytes: max(1, Int(Double(bytes) * Double(parquet.rows(ofGroup: group)) / rows)))
    }
  }

  /// Whether a path is no plain file: what is read from it is gone.
  private static func isStream(_ path: String) -> Bool {
    var status = stat()
    guard path != "-" else { return true }
    return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG && status.st_mode & S_IFMT != S_IFDIR
  }
}
