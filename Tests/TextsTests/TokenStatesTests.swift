import Files
import TestSupport
import Testing

@testable import Texts

struct TokenStatesTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func file(_ offsets: [Int64], rows: Int, _ type: ElementType = .f32, dimension: Int = 2) throws -> String {
    let path = folder.file("states")
    let shape = [rows, dimension]
    var writer = try SafetensorsWriter(
      path: path, tensors: [TensorSpec("offsets", .i64, [offsets.count]), TensorSpec("states", type, shape)])
    try writer.write(offsets)
    let values = (0..<rows * dimension).map { Float($0) }
    var bytes = [UInt8](repeating: 0, count: values.count * type.size)
    if type.isFloatingPoint { values.withUnsafeBufferPointer { type.encode($0, into: &bytes) } }
    try writer.write(bytes)
    try writer.finish()
    return path
  }

  @Test(arguments: [ElementType.f32, .f16, .bf16])
  func readsItems(type: ElementType) throws {
    let states = try TokenStates(path: try file([0, 2, 2, 3], rows: 3, type), items: 3)
    #expect(states.dimension == 2)
    #expect(states.maxTokens == 2)
    #expect(states.rowCount == 3)
    #expect((0..<3).map(states.tokenCount) == [2, 0, 1])
    #expect(Array(states.offsets) == [0, 2, 2, 3])
    var values = [Float](repeating: -1, count: 4)
    states.copyStates(1, into: &values)
    #expect(values == [-1, -1, -1, -1])
    states.copyStates(0, into: &values)
    #expect(values == [0, 1, 2, 3])
    states.copyStates(2, into: &values)
    #expect(values == [4, 5, 2, 3])
  }

  @Test func readsWhereNoItemHasText() throws {
    let states = try TokenStates(path: try file([0, 0, 0], rows: 0), items: 2)
    #expect(states.maxTokens == 0)
    #expect(states.rawStates(1).isEmpty)
  }

  @Test(
    arguments: [
      [1, 2, 3], [0, 2, 1, 3], [0, 4, 3], [0, 2], [0, -1, 3], [], [0, .max, 3], [0, .min, 3], [3],
    ] as [[Int64]])
  func refusesOffsetsThatDoNotFit(offsets: [Int64]) throws {
    let path = try file(offsets, rows: 3)
    #expect(throws: InputError.self) { try TokenStates(path: path, items: offsets.count - 1) }
  }

  @Test func refusesOtherShapesAndCounts() throws {
    let sound = try file([0, 3], rows: 3)
    #expect(throws: InputError.self) { try TokenStates(path: sound, items: 2) }
    let wrongType = try file([0, 3], rows: 3, .i32)
    #expect(throws: InputError.self) { try TokenStates(path: wrongType, items: 1) }
    for width in [1 << 62, 1 << 61, 65_537] {
      let wide = try file([0, 0], rows: 0, dimension: width)
      #expect(throws: InputError.self) { try TokenStates(path: wide, items: 1) }
    }
    let long = try file([0, 65_537], rows: 65_537, .bf16, dimension: 1)
    #expect(throws: InputError.self) { try TokenStates(path: long, items: 1) }
    let noWidth = try file([0, 3], rows: 3, dimension: 0)
    #expect(throws: InputError.self) { try TokenStates(path: noWidth, items: 1) }
  }
}
