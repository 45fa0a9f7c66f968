import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// Texts of several fields, and fields that are features.
@Suite struct JoinedColumnsTests {
  private static let names = "user=uid,item=asin,timestamp=ts,text=title+brand,features=category+price"
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func options(_ items: String?, columns: String = JoinedColumnsTests.names, _ name: String = "d") throws
    -> PreparationOptions
  {
    var options = PreparationOptions()
    let rows = (0..<3).flatMap { user in (0..<4).map { "u\(user),\("abcd".map(String.init)[$0]),\($0)\n" } }
    options.interactions = [try folder.write("e.csv", "uid,asin,ts\n" + rows.joined())]
    options.items = items.map { [$0] } ?? []
    (options.output, options.minimumUserEvents, options.minimumItemEvents, options.virtualShards) = (folder.file(name), 1, 1, 1)
    options.columns = try ColumnNames(columns)
    return options
  }

  private func dataset(_ options: PreparationOptions) throws -> Dataset {
    _ = try Preparation(options).run()
    return try Dataset(path: options.output)
  }

  private let expected = [
    "Red shoe | Acme\u{1F}category=Shoes\u{1F}price=0", "Blue\u{1F}price=10", "", "\u{1F}category=Hats, caps",
  ]
  private static let table = [
    ["asin", "title", "brand", "category", "price"], ["a", "Red  shoe", "Acme ", "Shoes", "0"], ["b", "Blue", " ", "", "10"],
    ["c", "", "", "", ""], ["d", "", "", "Hats, caps", ""],
  ]

  @Test func everyFormatJoinsAlike() throws {
    let quoted = Self.table.map { $0.map { $0.contains(",") ? "\"\($0)\"" : $0 }.joined(separator: ",") + "\n" }
    let objects = [
      #"{"asin":"a","title":"Red\tshoe","brand":"Acme","category":"Shoes","price":0}"#,
      #"{"asin":"b","title":"Blue","brand":null,"category":["x"],"price":10}"#, #"{"asin":"c"}"#,
      #"{"category":"Hats, caps","asin":"d","title":""}"#,
    ]
    for (name, text) in [
      ("i.csv", quoted.joined()), ("i.tsv", Self.table.map { $0.joined(separator: "\t") + "\n" }.joined()),
      ("i.jsonl", objects.joined(separator: "\n")),
    ] {
      let dataset = try dataset(options(try folder.write(name, text), name + ".d"))
      #expect((0..<4).map(dataset.items.storedText) == expected, "\(name)")
      #expect(dataset.manifest.counts.itemsWithoutText == 1 && !dataset.items.hasText(2))
    }
  }

  @Test func peopleAreShownNoSeparator() throws {
    let lines = Self.table.map { $0.map { "\"\($0)\"" }.joined(separator: ",") + "\n" }
    let items = try dataset(options(try folder.write("i.csv", lines.joined()))).items
    #expect(
      (0..<4).map(items.text) == ["Red shoe | Acme | category=Shoes | price=0", "Blue | price=10", "", "category=Hats, caps"])
  }

  /// JSON can write the separator; a value with one is one feature all the same, and a text has none.
  @Test func inputCannotHoldTheSeparator() throws {
    let row = #"{"asin":"a","title":"x\u001fcategory=Fake","category":"A\u001fprice=1","price":"\u001f"}"#
    let dataset = try dataset(options(try folder.write("i.jsonl", row + "\n")))
    #expect(dataset.items.storedText(0) == "x category=Fake\u{1F}category=A price=1")
  }

  @Test func aFieldOfATextMustBeInTheHeader() throws {
    let path = try folder.write("i.csv", "asin,title,category\na,x,y\n")
    let error = #expect(throws: InputError.self) { try Preparation(options(path)).run() }
    #expect(error?.description.contains("the header has no column brand, price, only asin, title, category") == true)
    // Features alone leave the text out.
    let names = "user=uid,item=asin,timestamp=ts,features=category"
    #expect(try dataset(options(path, columns: names)).items.storedText(0) == "\u{1F}category=y")
  }

  @Test(arguments: [
    "text=a+", "features=+a", "text=a+a", "features=", "text=" + (0..<65).map { "f\($0)" }.joined(separator: "+"),
  ])
  func wrongNamesAreRefused(text: String) { #expect(throws: InputError.self) { try ColumnNames(text) } }

  /// Ids are of one column, whose name may have a plus in it.
  @Test func onlyTextsAndFeaturesAreJoined() throws {
    let names = try ColumnNames("item=a+b,text=c+d")
    #expect(names.fields(.item) == ["a+b"] && names.fields(.text) == ["c", "d"] && names.fields(.features) == [])
    #expect(names.description == "item=a+b,text=c+d" && ColumnNames().description == "")
    #expect(try ColumnNames(names.description) == names)
  }

  @Test func theManifestKeepsTheNames() throws {
    let lines = Self.table.map { $0.map { "\"\($0)\"" }.joined(separator: ",") + "\n" }
    let path = try folder.write("i.csv", lines.joined())
    let old = try dataset(options(path))
    #expect(old.manifest.preparation.columns == Self.names)
    // Files of the same columns, and those of the usual ones.
    let usual = try folder.write("usual.csv", "user,item,timestamp\nu9,a,99\n")
    let more = try folder.write("more.csv", "uid,asin,ts\nu8,new,98\n")
    let new = try folder.write("new.csv", "asin,title,brand,category,price\nnew,Green,,Hats,7\n")
    var appended = try options(new, "after")
    (appended.interactions, appended.columns) = ([usual, more], ColumnNames())
    try appended.append(to: old)
    let after = try dataset(appended)
    #expect(after.items.storedText(4) == "Green\u{1F}category=Hats\u{1F}price=7" && after.manifest.users == 5)
    #expect((0..<4).map(after.items.storedText) == expected && after.manifest.preparation.columns == Self.names)
    // The usual names leave no record.
    try folder.write("u.csv", "user,item,timestamp\n" + (0..<4).map { "u,a,\($0)\n" }.joined())
    var plain = try options(nil, columns: "", "plain")
    plain.interactions = [folder.file("u.csv")]
    #expect(try dataset(plain).manifest.preparation.columns == nil)
  }

  @Test func newItemsHaveTheSameColumnsOrTheUsualOnes() throws {
    let lines = Self.table.map { $0.map { "\"\($0)\"" }.joined(separator: ",") + "\n" }
    let dataset = try dataset(options(try folder.write("i.csv", lines.joined())))
    for (name, text, expected) in [
      ("n.csv", "price,asin,title,brand,category\n7,n,Green,,Hats\n", "Green\u{1F}category=Hats\u{1F}price=7"),
      ("n.jsonl", "{\"asin\":\"n\",\"title\":\"Green\",\"price\":7}\n", "Green\u{1F}price=7"),
      ("u.csv", "item,text\nn,Green hat\n", "Green hat"), ("u.jsonl", "{\"item\":\"n\",\"text\":\"Green hat\"}\n", "Green hat"),
    ] {
      let list = try NewItemTexts(path: try folder.write(name, text), newTo: dataset)
      #expect(list.ids == ["n"] && list.texts == [expected], "\(name)")
    }
    let path = try folder.write("w.csv", "asin,text\nn,x\n")
    let error = #expect(throws: InputError.self) { try NewItemTexts(path: path, newTo: dataset) }
    #expect(error?.description.contains("the header has no column title, brand, category, price") == true)
  }
}
