import Foundation

/// Damage to a safetensors file that its writer would never do.
struct TensorDamage {
  private let length: Data
  private let header: [String: Any]
  private let values: Data

  init(_ whole: Data) {
    length = whole.prefix(8)
    let count = length.reversed().reduce(0) { $0 << 8 | Int($1) }
    header = (try? JSONSerialization.jsonObject(with: whole[8..<8 + count]) as? [String: Any]) ?? [:]
    values = Data(whole.dropFirst(8 + count))
  }

  /// The damaged file, or nil where it cannot have this damage.
  func damaged(_ damage: FileDamage) -> Data? {
    switch damage {
    case .oversizedLength: file(Data([255, 255, 255, 255, 255, 255, 255, 127]), header, values)
    case .wrongEndianLength: file(Data(length.reversed()), header, values)
    case .overlappingOffsets: overlapping
    case .nanFilled: replaced(Self.nans) { nan, _ in nan }
    case .wrongEndianNumbers: replaced(Self.sizes) { _, number in number.reversed() }
    default: nil
    }
  }

  /// The file with other numbers of some types; nil where it has none of these.
  private func replaced(_ types: [String: [UInt8]], _ change: ([UInt8], [UInt8]) -> [UInt8]) -> Data? {
    guard types.keys.contains(where: { !tensors($0).isEmpty }) else { return nil }
    return file(nil, header, types.reduce(values) { replaced($0, $1.key, $1.value, change) })
  }

  private static let nans: [String: [UInt8]] = ["F32": [0, 0, 0xC0, 0x7F], "F16": [0, 0x7E], "BF16": [0xC0, 0x7F]]
  private static let sizes = ["F32": 4, "I32": 4, "U32": 4, "I64": 8, "U64": 8, "F16": 2, "BF16": 2, "U16": 2].mapValues {
    [UInt8](repeating: 0, count: $0)
  }

  /// The tensors of a type, in the order of their bytes.
  private func tensors(_ type: String? = nil) -> [(name: String, begin: Int, end: Int)] {
    header.compactMap { name, value -> (name: String, begin: Int, end: Int)? in
      guard let info = value as? [String: Any], let offsets = info["data_offsets"] as? [Int], offsets[0] < offsets[1] else {
        return nil
      }
      return type == nil || info["dtype"] as? String == type ? (name, offsets[0], offsets[1]) : nil
    }.sorted { $0.begin < $1.begin }
  }

  /// Values in which each number of a type has been replaced.
  private func replaced(_ values: Data, _ type: String, _ pattern: [UInt8], _ change: ([UInt8], [UInt8]) -> [UInt8]) -> Data {
    var values = [UInt8](values)
    for tensor in tensors(type) {
      for index in stride(from: tensor.begin, to: tensor.end, by: pattern.count) {
        let range = index..<index + pattern.count
        values.replaceSubrange(range, with: change(pattern, [UInt8](values[range])))
      }
    }
    return Data(values)
  }

  /// The last tensor where the first begins.
  private var overlapping: Data? {
    guard let first = tensors().first, let last = tensors().last, first.name != last.name,
      var info = header[last.name] as? [String: Any]
    else { return nil }
    info["data_offsets"] = [first.begin, first.begin + last.end - last.begin]
    return file(nil, header.merging([last.name: info]) { $1 }, values)
  }

  private func file(_ length: Data?, _ header: [String: Any], _ values: Data) -> Data? {
    guard let text = try? JSONSerialization.data(withJSONObject: header) else { return nil }
    return (length ?? withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }) + text + values
  }
}
