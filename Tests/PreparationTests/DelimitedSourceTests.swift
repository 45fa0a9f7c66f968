import Datasets
import Files
import Foundation
import TestSupport
import Testing

@testable import Preparation

/// Reads a source to its end, a line of text a row.
func readAll(_ source: any RowSource, _ columns: [Column]) throws -> [String] {
  let row = Row()
  var rows: [String] = []
  while true {
    switch try source.next(row) {
    case .end: return rows
    case .bad(let problem): rows.append("\(source.lineNumber)! \(problem.kind.rawValue) x\(problem.rows)")
    case .row:
      let fields = columns.map { String(decoding: row[$0], as: UTF8.self) }
      rows.append("\(source.lineNumber): \(fields.joined(separator: "|"))")
    }
  }
}

@Suite struct DelimitedSourceTests {
  private let folder: TemporaryFolder
  private let columns: [Column] = [.user, .item, .timestamp, .scene, .behavior]

  init() throws { folder = try TemporaryFolder() }

  private func open(_ text: String, _ format: InputFormat = .csv, _ names: String = "") throws -> DelimitedSource {
    try DelimitedSource(
      path: try folder.write("events", text), format: format,
      layouts: [RowLayout(try ColumnNames(names), required: [.user, .item, .timestamp], optional: [.scene, .behavior])],
      timeUnit: .seconds)
  }

  /// The slices of a row that is bad may be of a line that is gone; joined columns would be made of them.
  @Test(arguments: ["u,i,red\n", "u,i,red,1,2\n", "u,\"i\n", "u,i,\"red\"x,1\n", "u,\"i\ni\ni\",1\n"])
  func aBadRowLeavesNothing(line: String) throws {
    let names = try ColumnNames("text=a,features=a+b")
    let path = try folder.write("items.csv", "item,scene,a,b\nx,y,1,2\n" + line)
    let source = try DelimitedSource(
      path: path, format: .csv, layouts: [RowLayout(names, required: [.item, .text], optional: [.scene, .features])],
      timeUnit: .seconds)
    let row = Row()
    guard case .row = try source.next(row) else { throw InputError("the first row is good") }
    #expect(
      String(decoding: row[.features], as: UTF8.self) == "a=1\u{1F}b=2" && String(decoding: row[.text], as: UTF8.self) == "1")
    guard case .bad = try source.next(row) else { throw InputError("the second row is bad") }
    #expect(Column.allCases.allSatisfy { row[$0].isEmpty })
    guard case .end = try source.next(row) else { throw InputError("there are two rows") }
    #expect(Column.allCases.allSatisfy { row[$0].isEmpty })
  }

  private func rows(_ text: String, _ format: InputFormat = .csv, _ names: String = "") throws -> [String] {
    try readAll(try open(text, format, names), columns)
  }

  @Test func findsColumnsInAnyOrderAndKeepsEmptyFields() throws {
    let text = "extra,timestamp,item,user,scene\nx,1,i1,u1,home\n,2,i2,u2,\n"
    #expect(try rows(text) == ["2: u1|i1|1|home|", "3: u2|i2|2||"])
    #expect(try !rows("timestamp,item,user\n1,i,u").isEmpty)
    #expect(try open(text).namesScenes && !open("user,item,timestamp\n").namesScenes)
  }

  @Test func readsQuotedFieldsAsRFC4180Says() throws {
    let text =
      "user,item,timestamp,scene\r\n\"u,1\",\"i\"\"1\"\"\",1,\"two\r\nlines\"\r\nu2,i2,2,pl\"ain\r\n\"u3\",i3,\"3\",\"\"\r\n"
    #expect(try rows(text) == ["2: u,1|i\"1\"|1|two\nlines|", "4: u2|i2|2|pl\"ain|", "5: u3|i3|3||"])
  }

  @Test func skipsByteOrderMarkAndEmptyLines() throws {
    #expect(try rows("\u{FEFF}user,item,timestamp\n\nu,i,1\n\n") == ["3: u|i|1||"])
  }

  @Test func tabSeparatedFilesHaveNoQuotes() throws {
    #expect(try rows("user\titem\ttimestamp\n\"u\"\ta,b\t1\n", .tsv) == ["2: \"u\"|a,b|1||"])
  }

  @Test func countsRowsOfTheWrongLengthAsBad() throws {
    let text = "user,item,timestamp\nu,i\nu,i,1,more\n\"u\",i\nu,i,1\n"
    #expect(
      try rows(text) == [
        "2! wrong number of fields x1", "3! wrong number of fields x1", "4! wrong number of fields x1", "5: u|i|1||",
      ])
  }

  @Test func brokenQuotesCostWhatTheySwallow() throws {
    #expect(try rows("user,item,timestamp\n\"u\"x,i,1\nu,i,2\n") == ["2! broken quotes x1", "3: u|i|2||"])
    #expect(try rows("user,item,timestamp\nu,i,1\n\"u,i,2\nu,i,3\nu,i,4\n") == ["2: u|i|1||", "3! broken quotes x3"])
  }

  @Test func anOpenQuoteCannotSwallowAWholeFile() throws {
    let line = "u,i," + String(repeating: "1", count: 1_000) + "\n"
    let read = try rows("user,item,timestamp\n\"u,i,2\n" + String(repeating: line, count: 3_000))
    #expect(read[0].hasPrefix("2! broken quotes x10"))
    #expect(read.count > 1_500)
  }

  @Test func namesTheColumnsFoundWhenSomeAreMissing() throws {
    let path = folder.file("events")
    #expect(
      throws: InputError(
        "\(path):1: the header has no column item, timestamp, only user, iid, ts; name the columns with --columns (such as item=NAME,timestamp=NAME)"
      )
    ) { try open("user,iid, ts \nu,i,1\n") }
    #expect(try rows("user,iid, ts \nu,i,1\n", .csv, "item=iid,timestamp=ts") == ["2: u|i|1||"])
    #expect(throws: InputError.self) { try open("user,item,timestamp\n", .csv, "scene=shop") }
    #expect(throws: InputError("\(path):1: the header has the column user twice; rename one of them")) {
      try open("user,user,item,timestamp\n")
    }
    #expect(throws: InputError("\(path):1: there is no header; the first line must name the columns")) { try open("") }
  }

  /// Found by fuzzing: the sentence about such a header must stay one line.
  @Test func aColumnNameOfTwoLinesIsNamedInOne() throws {
    #expect(
      throws: InputError(
        "\(folder.file("events")):1: the header has no column user, timestamp, only us\u{FFFD}er, item; name the columns with --columns (such as user=NAME,timestamp=NAME)"
      )
    ) { try open("\"us\ner\",item\nu,i\n") }
  }
}
