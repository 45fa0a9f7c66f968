import Files
import TestSupport

@testable import Datasets
@testable import Texts

extension FuzzTarget {
  /// Any safetensors file.
  static var safetensors: FuzzTarget {
    FuzzTarget("safetensors", seeds: safetensorsSeeds) { folder in
      return { input in
        folder.put("t.safetensors", input)
        attempt { walk(try SafetensorsFile(path: folder.file("t.safetensors"))) }
      }
    }
  }

  /// Reads every tensor in each way there is.
  private static func walk(_ file: SafetensorsFile) {
    for (name, info) in file.tensors {
      let bytes = try! file.bytes(name)
      must(bytes.count == info.count * info.type.size && info.count == info.shape.reduce(1, *), "\(info)")
      _ = CRC32.of(bytes)
      if info.type.isFloatingPoint { _ = try! file.floats(name, shape: info.shape) }
      switch info.type.size {
      case 8: _ = try! file.values(name, as: Int64.self, info.type, shape: info.shape).reduce(0, ^)
      case 4: _ = try! file.values(name, as: Int32.self, info.type, shape: info.shape).reduce(0, ^)
      case 2: _ = try! file.values(name, as: UInt16.self, info.type, shape: info.shape).reduce(0, ^)
      default: _ = try! file.values(name, as: UInt8.self, info.type, shape: info.shape).reduce(0, ^)
      }
      attempt { _ = try file.values(name, as: Int32.self, .i32, shape: [nil]) }
    }
  }

  private static func safetensorsSeeds(_ folder: TemporaryFolder) throws -> [[UInt8]] {
    let types = ElementType.allCases
    var writer = try SafetensorsWriter(
      path: folder.file("s"), tensors: types.map { TensorSpec("\($0)", $0, [3, 1]) }, metadata: ["tab\there": "\u{1F600}"])
    for type in types { try writer.write([UInt8](repeating: 7, count: 3 * type.size)) }
    try writer.finish()
    let empty = try SafetensorsWriter(path: folder.file("e"), tensors: [TensorSpec("none", .f32, [0, 4])])
    try empty.finish()
    return [try contents(folder.file("s")), try contents(folder.file("e"))]
  }

  /// Token states: a data set's own with `encode.json`, and foreign ones with their list of ids.
  static var tokenStates: FuzzTarget {
    FuzzTarget("token-states", seeds: tokenStatesSeeds) { folder in
      let dataset = try FuzzWorld(folder).dataset()
      return { input in
        let parts = InputParts.split(input, into: 3)
        folder.put("dataset/\(EncodingRecord.fileName)", parts[0])
        folder.put("ids.txt", parts[1])
        folder.put("dataset/\(TokenStates.fileName)", parts[2])
        attempt { _ = try EncodingRecord(folder: dataset.path) }
        attempt { walk(try TokenStates(dataset: dataset)) }
        attempt {
          let path = "\(dataset.path)/\(TokenStates.fileName)"
          let states = try ForeignStates(path: path, ids: folder.file("ids.txt"), items: DatasetItems(dataset), maxTokens: 2)
          var values: [Float] = []
          for item in 0..<dataset.items.count { states.appendStates(item, to: &values) }
        }
      }
    }
  }

  private static func walk(_ states: TokenStates) {
    let target = UnsafeMutablePointer<Float>.allocate(capacity: max(1, states.maxTokens * states.dimension))
    defer { target.deallocate() }
    for item in 0..<states.itemCount { states.copyStates(item, into: target) }
  }

  private static func tokenStatesSeeds(_ folder: TemporaryFolder) throws -> [[UInt8]] {
    let dataset = try FuzzWorld(folder).dataset()
    let ids = (0..<dataset.items.count).map { dataset.items.id($0) + "\n" }.joined()
    return [
      InputParts.join([
        try contents("\(dataset.path)/\(EncodingRecord.fileName)"), Array(ids.utf8),
        try contents("\(dataset.path)/\(TokenStates.fileName)"),
      ])
    ]
  }
}
