import Datasets
import Evaluation
import Files
import Foundation
import Model
import Preparation
import Runs
import Tensors
import TestSupport
import Testing
import Texts

@testable import Serving

struct NewItemsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The embeddings of a list of new items.
  private func embed(_ items: NewItems, _ served: ServedModel) -> [[Float]] {
    let storage = Storage<Float>(count: items.count * served.width)
    let embeddings = Matrix(storage.base, rows: items.count, columns: served.width)
    items.embed(0..<items.count, into: embeddings)
    return withExtendedLifetime(storage) { (0..<items.count).map { embeddings.rows($0..<$0 + 1).values } }
  }

  @Test func theSameTextGivesTheSameSemanticHalf() throws {
    let served = try ServedWorld.hashed().served()
    let texts = [3, 11, 20].map { ServedWorld.text($0) }
    let path = try folder.write("new.csv", "item,text\n" + texts.enumerated().map { "n\($0),\" \($1)\"\n" }.joined())
    let found = embed(try NewItems(path: path, states: nil, served: served), served)
    let idWidth = served.model.shape.fusion.idWidth
    for (embedding, twin) in zip(found, [3, 11, 20]) {
      let row = try #require(served.dataset.items.index(of: "i\(twin)"))
      let known = served.catalogue.embeddings.rows(row..<row + 1).values
      // Tokens stayed frozen, so the twins' states are equal to the last bit; block sizes may change the order of a sum.
      #expect(zip(embedding[idWidth...], known[idWidth...]).allSatisfy { abs($0 - $1) < 1e-5 })
      #expect(Array(embedding[..<idWidth]) == served.catalogue.meanID.values)
      #expect(embedding[idWidth...].contains { $0 != 0 })
    }
  }

  @Test func aTwinIsNearestAmongTheSemanticHalves() throws {
    let served = try ServedWorld.hashed().served("universal")
    let path = try folder.write("new.tsv", "text\titem\n\(ServedWorld.text(14))\tnew\n")
    let new = embed(try NewItems(path: path, states: nil, served: served), served)[0]
    let (items, idWidth) = (served.catalogue.embeddings, served.model.shape.fusion.idWidth)
    func cosine(_ item: Int) -> Float {
      let other = items.rows(item..<item + 1).values[idWidth...]
      let dot = zip(new[idWidth...], other).reduce(Float(0)) { $0 + $1.0 * $1.1 }
      return dot / max(1e-9, other.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot())
    }
    let nearest = (0..<items.rows).max { cosine($0) < cosine($1) }
    #expect(nearest == served.dataset.items.index(of: "i14"))
  }

  @Test func aColdItemIsEmbeddedAsANewOne() throws {
    let served = try ServedWorld.hashed().served()
    let cold = try #require(served.dataset.items.index(of: "i\(ServedWorld.items - 1)"))
    #expect(served.dataset.items.trainCounts[cold] == 0)
    let path = try folder.write("new.jsonl", "{\"item\":\"x\",\"text\":\"\(ServedWorld.text(ServedWorld.items - 1))\"}\n")
    let new = embed(try NewItems(path: path, states: nil, served: served), served)[0]
    #expect(zip(new, served.catalogue.embeddings.rows(cold..<cold + 1).values).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func knownRepeatedAndEmptyRowsAreCounted() throws {
    let served = try ServedWorld.hashed().served()
    let path = try folder.write("new.csv", "item,text,price\na,,1\ni3,red thing,2\na,blue,3\nb,!!!,4\ni3,x,5\na,red,6\n")
    let new = try NewItems(path: path, states: nil, served: served)
    #expect(new.list.ids == ["a", "b"] && new.list.texts == ["blue", "!!!"])
    #expect(new.list.knownRows == 2 && new.list.repeatedRows == 2 && new.itemsWithoutTokens == 1)
    let semantic = embed(new, served)[1][served.model.shape.fusion.idWidth...]
    #expect(semantic.allSatisfy { $0 == 0 })
  }

  /// Known items have 4 tokens at most, and more than those the model cannot take.
  @Test func itemsWithMoreFeaturesThanTokensAreNamed() throws {
    let world = try ServedWorld.hashed()
    let data = folder.file("dataset")
    try FileManager.default.copyItem(atPath: world.folder.file("dataset"), toPath: data)
    let manifest = try String(contentsOfFile: "\(data)/manifest.json", encoding: .utf8)
    let start = "\"preparation\" : {"
    #expect(manifest.contains(start))
    try Data(manifest.replacing(start, with: start + "\"columns\":\"features=a+b+c+d+e\",").utf8)
      .write(to: URL(fileURLWithPath: "\(data)/manifest.json"))
    let served = try ServedModel(try TrainedRun(path: world.run, data: data), phase: nil)
    let rows = ["few,1,2,3,4,", "five,1,2,3,4,5", "none,,,,,", "more,5,4,3,2,1"].map { $0 + "\n" }
    let path = try folder.write("new.csv", "item,a,b,c,d,e\n" + rows.joined())
    let new = try NewItems(path: path, states: nil, served: served)
    #expect(new.count == 4 && new.tokenLimit == 4 && new.itemsWithCutFeatures == 2 && new.firstWithCutFeatures == "five")
    let plain = try NewItems(path: try folder.write("few.csv", "item,a,b,c,d,e\n" + rows[0]), states: nil, served: served)
    #expect(plain.itemsWithCutFeatures == 0 && plain.firstWithCutFeatures == nil)
  }

  /// Two ids that Unicode calls the same text are two items.
  @Test func newItemsAreToldApartByBytes() throws {
    let served = try ServedWorld.hashed().served()
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    let path = try folder.write("new.csv", "item,text\n\(composed),red thing\n\(decomposed),blue thing\n\(composed),again\n")
    let new = try NewItems(path: path, states: nil, served: served)
    #expect(new.count == 2 && new.list.repeatedRows == 1 && new.list.texts == ["red thing", "blue thing"])
    try EmbeddingExport(served, version: "1.2.3").write(to: folder.file("e"), newItems: new)
    let lines = try Data(contentsOf: URL(fileURLWithPath: folder.file("e/items.txt"))).split(separator: 0x0A).suffix(2)
    #expect(lines.map(Array.init) == [Array(composed.utf8), Array(decomposed.utf8)])
    // States from elsewhere find theirs by bytes too.
    let listed = ListedItems(new.list)
    #expect(listed.items(named: composed) == [0] && listed.items(named: decomposed) == [1])
  }

  @Test func textsOfNewItemsThatAreNotUTF8AreCounted() throws {
    let served = try ServedWorld.hashed().served()
    let path = try folder.write("new.csv", Data("item,text\na,fine\nb,Mis".utf8) + Data([0xE9]) + Data("rables\n".utf8))
    let new = try NewItems(path: path, states: nil, served: served)
    #expect(new.list.warning?.hasPrefix("1 text is not UTF-8, the first at \(path):3;") == true)
  }

  @Test func newItemsStandBehindTheKnownOnesInAnExport() throws {
    let served = try ServedWorld.hashed().served()
    let path = try folder.write("new.csv", "item,text\nnew,red thing\ni1,x\nnewer,blue thing\n")
    let new = try NewItems(path: path, states: nil, served: served)
    try EmbeddingExport(served, version: "1.2.3").write(to: folder.file("e"), newItems: new)
    let ids = try String(contentsOfFile: folder.file("e/items.txt"), encoding: .utf8).split(separator: "\n")
    #expect(ids.count == served.dataset.items.count + 2 && ids.suffix(2) == ["new", "newer"])
    let values = try SafetensorsFile(path: folder.file("e/items.safetensors")).floats("embeddings", shape: [ids.count, nil])
    #expect(values.suffix(2 * served.width).elementsEqual(embed(new, served).joined()))
  }

  @Test(arguments: ["item,text\nnew\n", "item,title\na,b\n", "item,text\n,b\n", ""])
  func aDamagedListLeavesNothing(text: String) throws {
    let served = try ServedWorld.hashed().served()
    let path = try folder.write("new.csv", text)
    let error = #expect(throws: InputError.self) { try NewItems(path: path, states: nil, served: served) }
    #expect(error?.description.hasPrefix(path) == true)
  }

  @Test func foreignStatesAreAskedForAndHeldAgainstTheDataSet() throws {
    let served = try ServedWorld.foreign().served()
    let path = try folder.write("new.csv", "item,text\na,red thing\nb,blue thing\n")
    let error = #expect(throws: InputError.self) { try NewItems(path: path, states: nil, served: served) }
    #expect(error?.description.contains("made-up-model") == true && error?.description.contains("--new-states") == true)
    let states = try self.states("s", encoder: "made-up-model", dimension: 6)
    let new = try NewItems(path: path, states: .states(states), served: served)
    // Each value of item b is 2: what fusion makes of it differs from item a's.
    let found = embed(new, served)
    #expect(found[0] != found[1] && found.joined().allSatisfy(\.isFinite))
    for wrong in [
      try self.states("other", encoder: "other", dimension: 6), try self.states("w", encoder: "made-up-model", dimension: 5),
    ] {
      #expect(throws: InputError.self) { try NewItems(path: path, states: .states(wrong), served: served) }
    }
  }

  /// Another day's vectors of the same kind: of the same width, and of the same encoder where the file names one.
  @Test func vectorsAreAskedForAndHeldAgainstTheDataSet() throws {
    let served = try ServedWorld.vectors().served()
    let path = try folder.write("new.csv", "item,text\na,\nb,\n")
    func message(_ file: ForeignFile?) -> String {
      let error = #expect(throws: InputError.self) { try NewItems(path: path, states: file, served: served) }
      return error?.description ?? ""
    }
    func vectors(_ name: String, _ width: Int) throws -> ForeignFile {
      let numbers = { (value: Int) in Array(repeating: "\(value)", count: width).joined(separator: ",") }
      return .vectors(
        try folder.write(name, "{\"id\":\"b\",\"embedding\":[\(numbers(2))]}\n{\"id\":\"a\",\"embedding\":[\(numbers(1))]}\n"))
    }
    #expect(message(nil).contains("give those of \(path) with --new-vectors"))
    let found = embed(try NewItems(path: path, states: vectors("v.jsonl", 6), served: served), served)
    #expect(found[0] != found[1] && found.joined().allSatisfy(\.isFinite))
    #expect(message(try vectors("w.jsonl", 5)).contains("has vectors of width 5, the model reads 6"))
    let states = try states("s", encoder: "some-api", dimension: 6)
    #expect(message(.states(states)).contains("with --new-vectors"))
    var writer = try SafetensorsWriter(
      path: folder.file("n.safetensors"), tensors: [TensorSpec("embeddings", .f32, [2, 6])], metadata: ["encoder": "other-api"])
    try writer.write([Float](repeating: 1, count: 12))
    try writer.finish()
    try folder.write("n.safetensors.ids.txt", "a\nb\n")
    #expect(
      message(.vectors(folder.file("n.safetensors"))).contains("holds vectors of other-api, the data set's are of some-api"))
    let hashed = try ServedWorld.hashed().served()
    let error = try #require(
      #expect(throws: InputError.self) { try NewItems(path: path, states: vectors("v.jsonl", 8), served: hashed) })
    #expect(error.description.contains("are those of hashed, not one vector an item"))
  }

  /// States of items a (one token of ones) and b (two tokens of twos).
  private func states(_ name: String, encoder: String, dimension: Int) throws -> String {
    let path = folder.file("\(name).safetensors")
    var writer = try SafetensorsWriter(
      path: path, tensors: [TensorSpec("offsets", .i64, [3]), TensorSpec("states", .f32, [3, dimension])],
      metadata: ["encoder": encoder])
    try writer.write([0, 1, 3] as [Int64])
    try writer.write([Float](repeating: 1, count: dimension) + [Float](repeating: 2, count: 2 * dimension))
    try writer.finish()
    try folder.write("\(name).safetensors.ids.txt", "a\nb\n")
    return path
  }
}
