import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// Formats by name, columns of several roles, and files that are another format than they were read as.
@Suite struct FormatTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: [
    ("e.csv", InputFormat.csv), ("e.tsv", .tsv), ("e.tsv.gz", .tsv), ("E.TSV.GZ", .tsv), ("e.jsonl", .jsonl),
    ("e.ndjson.gz", .jsonl),
    ("e.json", .jsonl), ("-", .csv), ("e", .csv), ("tsv", .csv), ("e.tsv.csv", .csv), ("a.jsonl/e", .csv), ("e.gz", .csv),
    (".tsv", .tsv),
  ])
  func theNameTells(path: String, expected: InputFormat) { #expect(InputFormat(ofFile: path) == expected) }

  private func options(_ interactions: [String], _ items: [String] = []) -> PreparationOptions {
    var options = PreparationOptions()
    (options.interactions, options.items) = (interactions, items)
    (options.output, options.minimumUserEvents, options.minimumItemEvents, options.virtualShards) = (folder.file("d"), 1, 1, 1)
    return options
  }

  private func message(_ name: String, _ text: String, _ format: InputFormat? = nil) throws -> String {
    var options = options([try folder.write(name, text)])
    options.format = format
    options.maximumBadRows = .count(0)
    let error = #expect(throws: InputError.self) { try Preparation(options).run() }
    #expect(try !folder.names().contains("d"))
    return error?.description ?? ""
  }

  @Test func eachFileHasItsOwnFormat() throws {
    let first = try folder.write("a.csv", "user,item,timestamp\nu,a,1\n")
    let second = try folder.write("b.jsonl", "{\"user\":\"u\",\"item\":\"b\",\"timestamp\":2}\n")
    let third = try folder.write("c.tsv", "user\titem\ttimestamp\nu\tc,\"\t3\n")
    let texts = try folder.write("i.jsonl", "{\"item\":\"a\",\"text\":\"one\"}\n{\"item\":\"c,\\\"\",\"text\":\"three\"}\n")
    var options = options([first, second, third], [texts])
    options.minimumUserEvents = 3
    options.mayLackTraining = true
    _ = try Preparation(options).run()
    let items = try Dataset(path: options.output).items
    #expect((0..<3).map(items.id) == ["a", "b", "c,\""] && (0..<3).map(items.text) == ["one", "", "three"])
  }

  /// Whoever gives a format is believed: this is one column called `user\titem\ttimestamp`.
  @Test func aGivenFormatWins() throws {
    #expect(try message("e.tsv", "user\titem\ttimestamp\nu\ti\t1\n", .csv).contains("give --format tsv"))
    var options = options([try folder.write("e.csv", "user\titem\ttimestamp\n" + (1...4).map { "u\ti\t\($0)\n" }.joined())])
    options.format = .tsv
    #expect(try Preparation(options).run().events == 4)
  }

  @Test func otherFormatsAreNamed() throws {
    let header = ["user", "item", "timestamp"]
    #expect(
      try message("a.csv", header.joined(separator: "\t") + "\n").hasSuffix("its fields are separated by tabs; give --format tsv")
    )
    #expect(
      try message("b.tsv", header.joined(separator: ",") + "\n").hasSuffix(
        "its fields are separated by commas; give --format csv"))
    #expect(try message("c.jsonl", "user,item,timestamp\nu,i,1\n").contains("separated by commas; give --format csv"))
    let semicolons = try message("d.csv", "\"user\";\"item\";\"timestamp\"\n")
    #expect(semicolons.contains("separated by semicolons") || semicolons.contains("broken quotes: "))
    #expect(semicolons.contains("delimiter=\";\")"))
    #expect(try message("e.csv", "user|item|timestamp\n").contains("vertical bars"))
    #expect(try message("e.csv", "user\u{1}item\u{1}timestamp\n").contains("U+0001; convert it: python3 -c"))
    #expect(try message("e.csv", "user item timestamp\n").contains("separated by spaces"))
    // A space inside a name of many is no delimiter.
    #expect(try message("e.csv", "user id,item,when\n").contains("only user id, item, when"))
    #expect(try message("e.csv", "sep=;\nuser;item;timestamp\n").contains("a mark for Excel; convert it: tail -n +2 < "))
    #expect(try message("e.csv", "\"sep=,\"\r\nuser,item,timestamp\n").contains("a mark for Excel"))
    #expect(try message("f.csv", "{\"user\":\"u\",\"item\":\"i\",\"timestamp\":1}\n").contains("give --format jsonl"))
    #expect(try message("g.json", "[{\"user\":\"u\",\"item\":\"i\",\"timestamp\":1}]\n").contains("jq -c '.[]'"))
    #expect(try message("ratings.dat", "1::1193::5::978300760\n").contains("--format movielens-1m"))
    #expect(try message("h.csv", "user,item,timestamp\ru,i,1\r").contains("tr '\\r' '\\n'"))
    #expect(
      try message("reviews.jsonl", "{\"reviewerID\":\"u\",\"asin\":\"i\",\"unixReviewTime\":1}\n").contains(
        "--format amazon-2014"))
    #expect(
      try message("r.jsonl", "{\"user_id\":\"u\",\"parent_asin\":\"i\",\"timestamp\":1}\n").contains("--format amazon-2023"))
    #expect(try message("u.data", "196\t242\t3\t881250949\n").contains("separated by tabs"))
    #expect(try message("i.csv", "a,b\n1,2\n").contains("only a, b; name the columns"))
  }

  @Test func listsAreRenamed() throws {
    let path = try folder.write("pairs.csv", "user\titem\nu\ti\n")
    let error = #expect(throws: InputError.self) { try IdentifierPairs(path: path) }
    #expect(error?.description.hasSuffix("its fields are separated by tabs; give the file a name that ends in .tsv") == true)
    let objects = try folder.write("pairs.jsonl", "user,item\nu,i\n")
    let other = #expect(throws: InputError.self) { try IdentifierPairs(path: objects).next() }
    #expect(other?.description.contains("ends in .csv") == true)
  }

  @Test func oneColumnHasSeveralRoles() throws {
    let names = try ColumnNames("item=artist,text=artist,behavior=artist")
    let path = try folder.write("i.csv", "artist,scene\n\"a,b\",x\nc,y\n")
    let source = try DelimitedSource(
      path: path, format: .csv, layouts: [RowLayout(names, required: [.item, .text], optional: [.scene, .behavior])],
      timeUnit: .seconds)
    #expect(try readAll(source, [.item, .text, .scene, .behavior]) == ["2: a,b|a,b|x|a,b", "3: c|c|y|c"])
    let lines = try folder.write("i.jsonl", "{\"artist\":\"a\"}\n{\"artist\":7}\n")
    let objects = try ObjectSource(
      path: lines, layouts: [RowLayout(names, required: [.item, .text], optional: [.behavior])], timeUnit: .seconds)
    #expect(try readAll(objects, [.item, .text, .behavior]) == ["1: a|a|a", "2: 7|7|7"])
  }

  /// Neither a line that is no object nor one that fits no layout says which layout the others have.
  @Test(arguments: ["{broken", "{}", "{\"uid\":\"u\"}"])
  func theFirstRowThatFitsSaysWhichLayoutCounts(line: String) throws {
    let path = try folder.write("e.jsonl", "\(line)\n{\"user\":\"u\",\"item\":\"i\"}\n{\"uid\":\"u\",\"iid\":\"i\"}\n")
    let layouts = try ["user=uid,item=iid", ""].map {
      RowLayout(try ColumnNames($0), required: [.user, .item], optional: [])
    }
    let found = try readAll(try ObjectSource(path: path, layouts: layouts, timeUnit: .seconds), [.user, .item])
    #expect(found.count == 3 && found[0].hasPrefix("1! "), "\(found)")
    #expect(found[1] == "2: u|i" && found[2] == "3! missing value x1", "\(found)")
  }

  @Test func oneRoleHasOneColumn() {
    for text in ["user=a,user=b", "user=a,item=i,user=a", "text="] { #expect(throws: InputError.self) { try ColumnNames(text) } }
  }

  /// A comma with a combining mark behind it is a comma all the same.
  @Test func columnNamesAreCutByBytes() throws {
    #expect(throws: InputError.self) { try ColumnNames("user=a,\u{301}=b") }
    let path = try folder.write("e.csv", "us\u{E9}r,item,timestamp\nu,i,1\n")
    for spelling in ["us\u{E9}r", "use\u{301}r"] {
      let source = try DelimitedSource(
        path: path, format: .csv,
        layouts: [RowLayout(try ColumnNames("user=\(spelling)"), required: [.user, .item, .timestamp], optional: [])],
        timeUnit: .seconds)
      #expect(try readAll(source, [.user]) == ["2: u"])
    }
  }

  @Test func halfASurrogatePairMakesABadRow() throws {
    let rows = ["x", #"a\ud800"#, #"a\udbff"#, "y", #"\udc00\ud800"#, "z"].enumerated().map {
      "{\"user\":\"u\",\"item\":\"\($1)\",\"timestamp\":\($0)}\n"
    }
    var options = options([try folder.write("e.jsonl", rows.joined())])
    options.maximumBadRows = .count(3)
    var notes: [String] = []
    options.mayLackTraining = true
    let manifest = try Preparation(options, reporter: PreparationReporter(note: { notes.append($0) })).run()
    #expect(manifest.items == 3 && manifest.counts.badRows == [.init(kind: .encoding, count: 3)])
    #expect(notes.first?.contains("half a surrogate pair") == true)
  }
}
