import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// Folders of parts, folders whose names are columns, and patterns that no shell has expanded.
@Suite struct InputFilesTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func put(_ path: String, _ text: String = "user,item,timestamp\nu,i,1\n") throws {
    let file = folder.file(path)
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
  }

  private func expand(_ path: String, isFormatGiven: Bool = false) throws -> [String] {
    try InputFiles.expand([folder.file(path)], isFormatGiven: isFormatGiven)
      .map { String($0.path.dropFirst(folder.path.count + 1)) }
  }

  private func refusal(_ path: String) throws -> String {
    let error = #expect(throws: InputError.self) { try expand(path) }
    return error?.description ?? ""
  }

  @Test func aFolderIsItsFilesByName() throws {
    for name in ["b.csv", "a.csv", "B.csv", "_SUCCESS", ".a.csv.crc", "_temporary/0/x.csv", "day=2/a.csv", "day=10/a.csv"] {
      try put("events/\(name)")
    }
    try put("events/empty.csv", "")
    let expected = ["B.csv", "a.csv", "b.csv", "day=10/a.csv", "day=2/a.csv"].map { "events/\($0)" }
    #expect(try expand("events") == expected)
    #expect(try expand("events/") == expected)
    #expect(try expand("events/*.csv") == Array(expected[..<3]))
    #expect(try expand("events/*") == expected)
    #expect(try expand("events/*/[a-z].csv") == Array(expected[3...]))
    #expect(try expand("events/_t*/0/x.csv") == ["events/_temporary/0/x.csv"])
    #expect(try expand("events/a.csv") == ["events/a.csv"])
    #expect(try InputFiles.expand(["-", "none"], isFormatGiven: false).map(\.path) == ["-", "none"])
  }

  /// A file that is there is meant, whatever signs its name has.
  @Test func aNameWithSignsOfAPatternIsAName() throws {
    try put("a[1].csv")
    #expect(try expand("a[1].csv") == ["a[1].csv"])
  }

  @Test func whatCannotBeMeantIsRefused() throws {
    try put("mixed/a.csv")
    try put("mixed/b.parquet")
    #expect(try refusal("mixed").contains("csv (a.csv) and parquet (b.parquet)"))
    #expect(try expand("mixed", isFormatGiven: true).count == 2)
    try put("deep/2026/a.csv")
    #expect(try refusal("deep").contains("the folder 2026 in it"))
    try put("empty/_SUCCESS")
    #expect(try refusal("empty").contains("has no file with a row in it"))
    #expect(try refusal("none*.csv").contains("no file fits"))
    try put("delta/a.parquet")
    try put("delta/_delta_log/0.json")
    #expect(try refusal("delta").contains("is a Delta table"))
    try FileManager.default.createDirectory(atPath: folder.file("loop"), withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(atPath: folder.file("loop/a=1"), withDestinationPath: folder.file("loop"))
    #expect(try refusal("loop").contains("is a link a loop?"))
  }

  @Test func foldersNamesAreColumns() {
    let file = InputFile(path: "x=1/a%20b=c%3Dd%/=no/plain/day=__HIVE_DEFAULT_PARTITION__/e=2.csv")
    #expect(file.partitions.map(\.name) == ["x", "a b", "day"])
    #expect(file.partitions.map(\.value) == ["1", "c=d%", nil])
  }

  @Test func partitionsServeAsColumns() throws {
    for (behavior, user) in [("buy", "u"), ("view", "v"), ("__HIVE_DEFAULT_PARTITION__", "w")] {
      let rows = (1...4).map { "\(user),i\($0),\($0)\n" }.joined()
      try put("events/behavior=\(behavior)/shop=a%2Fb/part.csv", "user,item,timestamp\n" + rows)
    }
    var options = PreparationOptions()
    (options.interactions, options.output) = ([folder.file("events")], folder.file("d"))
    (options.minimumUserEvents, options.minimumItemEvents) = (1, 1)
    options.columns = try ColumnNames("scene=shop")
    let manifest = try Preparation(options).run()
    #expect(manifest.events == 12)
    #expect(Set(manifest.behaviors.map(\.name)) == ["buy", "view", "default"])
    #expect(manifest.scenes.map(\.name) == ["a/b"])
    #expect(manifest.inputs.count == 3 && manifest.inputs.allSatisfy { $0.rows == 4 && $0.path.hasSuffix("part.csv") })
  }

  /// The folder's word counts, as it does for Spark and DuckDB.
  @Test func aPartitionComesBeforeAColumnOfTheFile() throws {
    try put("e/scene=shop/a.csv", "user,item,timestamp,scene\n" + (1...4).map { "u,i\($0),\($0),feed\n" }.joined())
    var options = PreparationOptions()
    (options.interactions, options.output) = ([folder.file("e")], folder.file("d"))
    (options.minimumUserEvents, options.minimumItemEvents) = (1, 1)
    #expect(try Preparation(options).run().scenes.map(\.name) == ["shop"])
  }

  @Test func listsMayBeFolders() throws {
    try put("pairs/part-0.csv", "user,item\na,b\n")
    try put("pairs/part-1.csv", "item,user\nd,c\n,e\n")
    let pairs = try IdentifierPairs(path: folder.file("pairs"))
    #expect(try pairs.next()?.item == "b")
    #expect(try pairs.next()?.item == "d")
    #expect(throws: InputError("\(folder.file("pairs/part-1.csv")):3: the item is empty (empty id); fix the row")) {
      try pairs.next()
    }
  }

  /// The first part's bytes are gone by then.
  @Test func aPartWithoutAColumnHasNothingOfThePartBefore() throws {
    try put("ev/part-0.csv", "user,item,scene,behavior\n" + (1...3000).map { "user \($0),i\($0),shop,buy\n" }.joined())
    try put("ev/part-1.csv", "item,user\ni,u\n")
    try put("ev/part-2.csv", "item\ni\n")
    let rows = try EventRows(path: folder.file("ev"), columns: ColumnNames(), timeUnit: .seconds)
    for _ in 1...3000 { #expect(try rows.next()?.scene == "shop") }
    let event = try #require(try rows.next())
    #expect(event.user == "u" && event.item == "i" && event.scene == nil && event.behavior == nil)
    #expect(
      throws: InputError(
        "\(folder.file("ev/part-2.csv")):2: the row has no user, unlike the first; give all rows one, or none")
    ) { try rows.next() }
  }

  @Test func parquetReadAsTextIsNamed() throws {
    let bytes = Data(Array("PAR1".utf8) + [0x15, 0x04, 0x15, 0x80, 0])
    let path = try folder.write("events.csv", bytes)
    for format in [nil, InputFormat.csv, .jsonl] {
      var options = PreparationOptions()
      (options.interactions, options.output, options.format) = ([path], folder.file("d"), format)
      #expect(throws: InputError("\(path) is a Parquet file; give --format parquet, or a name that ends in .parquet")) {
        try Preparation(options).run()
      }
    }
    #expect(throws: InputError("\(path) is a Parquet file; give the file a name that ends in .parquet")) {
      try IdentifierPairs(path: path)
    }
    #expect(throws: InputError("\(path) is a Parquet file; give the file a name that ends in .parquet")) {
      try IdentifierList(path: path, of: .user)
    }
  }

  @Test func aHeaderThatIsNoTextIsNotShown() throws {
    let path = try folder.write("events.csv", Data([0x61, 0x2C, 0xFE, 0xC0, 0x2C, 0x62, 0x0A]))
    var options = PreparationOptions()
    (options.interactions, options.output) = ([path], folder.file("d"))
    #expect(
      throws: InputError(
        "\(path):1: the header has no column user, item, timestamp: it is not UTF-8; is this a text file?")
    ) { try Preparation(options).run() }
  }
}
