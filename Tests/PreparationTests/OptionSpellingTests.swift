import Datasets
import Files
import Testing

@testable import Preparation

@Suite struct OptionSpellingTests {
  @Test func badRowLimits() throws {
    #expect(try BadRowLimit("0.1%") == .share(0.001))
    #expect(try BadRowLimit("0.001") == .share(0.001))
    #expect(try BadRowLimit("12") == .count(12))
    #expect(try BadRowLimit("2") == .count(2))
    // One number means one thing, however it is written.
    for all in ["1", "1.0", "100%", "1e0"] { #expect(try BadRowLimit(all) == .share(1)) }
    for none in ["0", "0.0", "0%"] { #expect(try BadRowLimit(none) == .share(0)) }
    for text in ["", "-1", "101%", "1.5", "many", "nan"] { #expect(throws: InputError.self) { try BadRowLimit(text) } }
    #expect(BadRowLimit.share(0.001).allows(1, of: 1_000) && !BadRowLimit.share(0.001).allows(2, of: 1_999))
    #expect(BadRowLimit.count(0).allows(0, of: 0) && !BadRowLimit.count(3).allows(4, of: 1_000_000))
    #expect(BadRowLimit.share(0.001).description == "0.1%")
  }

  @Test func tieOrders() throws {
    #expect(try TieOrder("file-order") == .fileOrder)
    #expect(try TieOrder("shuffle:7") == .shuffle(seed: 7))
    #expect(TieOrder.shuffle(seed: 7).description == "shuffle:7")
    for text in ["", "shuffle", "shuffle:", "shuffle:-1", "random"] { #expect(throws: InputError.self) { try TieOrder(text) } }
  }

  @Test func columnNames() throws {
    let names = try ColumnNames("user=uid, item=i=d")
    #expect(names[.user] == "uid" && names[.item] == "i=d" && names[.timestamp] == "timestamp")
    #expect(names.isChosen(.user) && !names.isChosen(.timestamp))
    for text in ["user", "who=uid", "=x"] { #expect(throws: InputError.self) { try ColumnNames(text) } }
  }

  @Test func everyFaultOfTheOptionsIsListed() {
    var options = PreparationOptions()
    options.items = ["-", "-"]
    options.virtualShards = 5_000
    options.minimumItemEvents = -1
    #expect(options.problems.count == 4)
    options = PreparationOptions()
    options.interactions = ["a"]
    #expect(options.problems.isEmpty)
    options.format = .amazon2014
    options.timeUnit = .milliseconds
    #expect(options.problems == ["--time-unit goes with csv, tsv, jsonl and parquet only; amazon-2014 has its own"])
  }
}
