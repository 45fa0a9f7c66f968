package import Files
import Foundation

/// A file of expected numbers: named tensors, and settings as JSON in its metadata.
package final class FixtureFile: Sendable {
  /// The file's name without folder and extension.
  package let name: String
  /// The file behind it.
  package let file: SafetensorsFile

  /// Opens any safetensors file.
  package init(path: String) throws {
    file = try SafetensorsFile(path: path)
    name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
  }

  /// Opens a committed one, such as `optimizers/adamw`.
  package convenience init(named name: String) throws {
    try self.init(path: Fixtures.path(name + ".safetensors"))
  }

  /// The file's path, as it was given.
  package var path: String {
    file.path
  }

  /// Names of all tensors, sorted.
  package var names: [String] {
    file.tensors.keys.sorted()
  }

  /// Extents of a tensor; none for a scalar.
  package func shape(_ name: String) throws -> [Int] {
    guard let info = file.tensors[name] else { throw InputError("\(file.path) has no tensor \(name)") }
    return info.shape
  }

  /// A floating tensor, row-major.
  package func floats(_ name: String) throws -> [Float] {
    try file.floats(name, shape: shape(name))
  }

  /// The only value of a floating tensor, such as a loss.
  package func float(_ name: String) throws -> Float {
    let values = try floats(name)
    guard values.count == 1 else { throw InputError("\(file.path): \(name) has \(values.count) values, expected 1") }
    return values[0]
  }

  /// An integer tensor, row-major.
  package func ints(_ name: String) throws -> [Int] {
    try file.values(name, as: Int64.self, .i64, shape: shape(name)).map(Int.init)
  }

  /// An integer tensor of zeros and ones, row-major.
  package func bools(_ name: String) throws -> [Bool] {
    try ints(name).map { $0 != 0 }
  }

  /// The JSON in the metadata under `key`: `config` of a model or an optimizer, `expected` of the metrics.
  package func decode<Value: Decodable>(_ type: Value.Type, from key: String = "config") throws -> Value {
    guard let json = file.metadata[key] else { throw InputError("\(file.path) has no \(key) in its metadata") }
    return try JSONDecoder().decode(type, from: Data(json.utf8))
  }
}
