import Datasets
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Texts

struct TextVectorsTests {
  /// 3 and 4 have the same text, 5 has no word.
  private static let texts = [
    "red boat of wood", "blue boat of steel", "red car", "stone harbor wall", "stone harbor wall", " ?! ", "old red harbor",
    "steel car door", "wood door",
  ]
  private let world: TextWorld

  init() throws { world = try TextWorld(Self.texts) }

  private func lengths(_ vector: [Float], at border: Int) -> (Float, Float) {
    (product(vector[..<border], vector[..<border]), product(vector[border...], vector[border...]))
  }

  @Test func hashedStatesGiveALexicalPartAlone() throws {
    let vectors = try world.vectors()
    #expect(vectors.axes == nil && vectors.width == 256 && vectors.lexicalWidth == 256 && vectors.itemCount == Self.texts.count)
    for item in Self.texts.indices where item != 5 {
      let found = try world.vector(item, vectors)
      #expect(abs(product(found, found) - 1) < 2e-3)
      var wanted = [Float](repeating: 0, count: 256)
      vectors.lexical.encode(Self.texts[item], into: &wanted)
      // Half precision has 11 bits.
      #expect(zip(found, wanted).allSatisfy { abs($0 - $1) <= abs($1) / 1024 + 1e-7 }, "item \(item)")
    }
    #expect(try world.vector(3, vectors) == world.vector(4, vectors))
    #expect(try world.vector(5, vectors).allSatisfy { $0 == 0 })
    #expect(try product(world.vector(6, vectors), world.vector(3, vectors)) > 0.2)
  }

  @Test func aLanguageModelsStatesGiveTheOtherHalf() throws {
    let vectors = try world.vectors(as: "made-up-model", dimension: 6, without: [2])
    let axes = try #require(vectors.axes)
    #expect(axes.count == 6 && axes.mean.count == 6 && vectors.lexicalWidth == 128 && vectors.width == 134)
    for item in Self.texts.indices {
      let (lexical, semantic) = lengths(try world.vector(item, vectors), at: 128)
      // No word and no state, no vector; words without states leave the other half empty.
      #expect(item == 5 ? lexical == 0 : abs(lexical - 0.5) < 1e-3, "item \(item)")
      #expect([2, 5].contains(item) ? semantic == 0 : abs(semantic - 0.5) < 1e-3, "item \(item)")
    }
    #expect(try world.vector(3, vectors) == world.vector(4, vectors))
  }

  /// More axes than items can tell apart would be noise.
  @Test func thereAreFewerAxesThanItems() throws {
    let axes = try #require(try world.vectors(as: "made-up-model", dimension: 20).axes)
    #expect(axes.count == 7)
    // A catalogue where one item alone has states has none.
    #expect(try world.vectors(as: "made-up-model", without: [0, 1, 2, 3, 4, 6, 7]).axes == nil)
  }

  @Test(arguments: ["hashed", "made-up-model"])
  func aNewItemOfTheSameTextGetsTheSameVector(encoder: String) throws {
    let vectors = try world.vectors(as: encoder)
    let states = try TokenStates(dataset: world.dataset)
    let workspace = Workspace(chunkBytes: 1 << 16)
    let scratch = workspace.matrix(TextWorld.tokens, states.dimension)
    let items = [7, 5, 0]
    let rows = try items.map(world.row)
    let found = workspace.matrix(items.count, vectors.width)
    TextVectorMaker(lexical: vectors.lexical, axes: vectors.axes).make(
      into: found, text: { Self.texts[items[$0]] },
      mean: { row, mean in
        states.copyMean(rows[row], into: mean, scratch: scratch.base)
        return states.tokenCount(rows[row]) > 0
      }, workspace: workspace)
    for (index, item) in items.enumerated() {
      #expect(try found.rows(index..<index + 1).buffer.elementsEqual(world.vector(item, vectors)), "item \(item)")
    }
  }

  @Test func theSameEncodingGivesTheSameFile() throws {
    let first = try world.vectors(as: "made-up-model").identity
    let file = try Data(contentsOf: URL(fileURLWithPath: world.path))
    #expect(try world.vectors(as: "made-up-model").identity == first)
    #expect(try Data(contentsOf: URL(fileURLWithPath: world.path)) == file)
    #expect(try world.vectors(as: "made-up-model", without: [0]).identity != first)
  }

  @Test func aDataSetMayHaveNone() throws {
    #expect(try TextVectors(dataset: world.dataset) == nil)
    try world.encode()
    #expect(try TextVectors(dataset: world.dataset) == nil)
  }

  @Test func vectorsOfOtherStatesAreStale() throws {
    _ = try world.vectors()
    try world.encode(dimension: 5)
    let error = #expect(throws: InputError.self) { try TextVectors(dataset: world.dataset) }
    #expect(
      error?.description
        == "\(world.path) was made for other items or token states than the data set has now, or by another version; run "
        + "`precise encode \(world.dataset.path)` again")
  }

  @Test func vectorsOfOtherItemsAreStale() throws {
    _ = try world.vectors()
    let other = try TextWorld(Self.texts.map { $0 + " more" })
    _ = try other.vectors()
    try FileManager.default.removeItem(atPath: other.path)
    try FileManager.default.copyItem(atPath: world.path, toPath: other.path)
    let error = #expect(throws: InputError.self) { try TextVectors(dataset: other.dataset) }
    #expect(error?.description.contains("other items") == true)
  }

  @Test func aFileThatWasCutOffIsRefused() throws {
    _ = try world.vectors(as: "made-up-model")
    let whole = try Data(contentsOf: URL(fileURLWithPath: world.path))
    for count in [0, 4, 8, 200, whole.count / 2, whole.count - 1] {
      try whole.prefix(count).write(to: URL(fileURLWithPath: world.path))
      let error = #expect(throws: InputError.self, "\(count) bytes") { try TextVectors(dataset: world.dataset) }
      #expect(error?.description.hasPrefix(world.path) == true)
    }
  }

  /// What a file may claim: tensors by name, with other shapes than text vectors have, or other types.
  @Test func otherTensorsAreRefused() throws {
    let record = try world.encode(as: "made-up-model", dimension: 6)
    let items = Self.texts.count
    let sound = [
      TensorSpec("words", .u64, [3]), TensorSpec("frequencies", .i64, [3]), TensorSpec("mean", .f32, [6]),
      TensorSpec("directions", .f32, [6, 2]), TensorSpec("vectors", .f16, [items, 10]),
    ]
    try write(sound, record)
    let vectors = try #require(try TextVectors(dataset: world.dataset))
    #expect(vectors.width == 10 && vectors.lexicalWidth == 8)
    try write(sound, record, rule: TextVectors.rule + 1)
    #expect(throws: InputError.self) { try TextVectors(dataset: world.dataset) }
    let damages: [(index: Int, spec: TensorSpec)] = [
      (0, TensorSpec("words", .i64, [3])), (0, TensorSpec("words", .u64, [3, 1])), (0, TensorSpec("other", .u64, [3])),
      (1, TensorSpec("frequencies", .i64, [2])), (1, TensorSpec("frequencies", .f32, [3])),
      (2, TensorSpec("mean", .f32, [5])), (2, TensorSpec("mean", .i32, [6])), (2, TensorSpec("mean", .f32, [6, 1])),
      (3, TensorSpec("directions", .f32, [5, 2])), (3, TensorSpec("directions", .f32, [6, 10])),
      (3, TensorSpec("directions", .f32, [12])), (3, TensorSpec("directions", .i32, [6, 2])),
      (4, TensorSpec("vectors", .f16, [items - 1, 10])), (4, TensorSpec("vectors", .f32, [items, 10])),
      (4, TensorSpec("vectors", .f16, [items, 2])), (4, TensorSpec("vectors", .f16, [items, 0])),
      (4, TensorSpec("vectors", .f16, [items, 70_000])), (4, TensorSpec("vectors", .f16, [items * 10])),
      (4, TensorSpec("rows", .f16, [items, 10])),
    ]
    for (index, spec) in damages {
      var specs = sound
      specs[index] = spec
      try write(specs, record)
      let error = #expect(throws: InputError.self, "\(spec)") { try TextVectors(dataset: world.dataset) }
      #expect(error?.description.hasPrefix(world.path) == true, "\(spec)")
    }
  }

  /// The states' mean has their width: a narrower one would be written past its end when new items are embedded.
  @Test func axesOfOtherStatesAreRefused() throws {
    let record = try world.encode(as: "made-up-model", dimension: 6)
    try write(
      [
        TensorSpec("words", .u64, [0]), TensorSpec("frequencies", .i64, [0]), TensorSpec("mean", .f32, [3]),
        TensorSpec("directions", .f32, [3, 2]), TensorSpec("vectors", .f16, [Self.texts.count, 10]),
      ], record)
    #expect(throws: InputError.self) { try TextVectors(dataset: world.dataset) }
  }

  @Test func numbersThatAreNoneAreRefused() throws {
    _ = try world.vectors()
    let whole = try Data(contentsOf: URL(fileURLWithPath: world.path))
    // The last element of the last tensor: half precision's infinity.
    try (whole.dropLast(2) + Data([0x00, 0x7C])).write(to: URL(fileURLWithPath: world.path))
    let error = #expect(throws: InputError.self) { try TextVectors(dataset: world.dataset) }
    #expect(error?.description == "\(world.path) has NaN or infinity in it; run `precise encode \(world.dataset.path)` again")
  }

  /// A file of zeros with the checksums of the data set's items and states.
  private func write(_ specs: [TensorSpec], _ record: EncodingRecord, rule: Int = TextVectors.rule) throws {
    var writer = try SafetensorsWriter(
      path: world.path, tensors: specs,
      metadata: [
        TextVectors.ruleKey: "\(rule)", "texts": "9", TokenStates.itemTableKey: DatasetItems(world.dataset).checksum,
        TextVectors.statesKey: record.fileChecksum,
      ])
    for spec in specs {
      let bytes = [UInt8](repeating: 0, count: spec.shape.reduce(1, *) * spec.type.size)
      try bytes.withUnsafeBytes { try writer.append($0) }
    }
    try writer.finish()
  }
}
