import Files
import Foundation
import Glibc

/// Reads event files of ours as far as it takes to remove what a run logs again (`TensorBoardWriter` has the format).
package enum TensorBoardFile {
  /// Removes the events that are not to stay from every event file of a folder: TensorBoard would show steps twice.
  ///
  /// The run's settings go too: each start writes its own.
  ///
  /// A record that was left half-written goes too, with all behind it. Throws ``InputError`` when a file cannot be changed.
  ///
  /// - Parameters:
  ///   - phases: names of phases, one of which a tag begins with.
  ///   - stays: whether what was logged after a step of a phase stays.
  package static func keep(folder: String, phases: [String], where stays: (MetricsLog.StepPosition) -> Bool) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names.sorted() where name.hasPrefix("events.out.tfevents.") {
      let path = "\(folder)/\(name)"
      try MappedFile(path: path).withBytes { bytes in
        let kept = records(bytes).filter { record in
          let event = event(bytes, record)
          guard let tag = tag(of: event) else { return true }
          return !tag.hasPrefix(TensorBoardWriter.settingsPrefix) && (position(event, tag, phases).map(stays) ?? true)
        }
        try RecordFile.keep(kept[...], of: bytes, path: path)
      }
    }
  }

  /// The whole records at the beginning of a file, frames included.
  private static func records(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
    var (records, start) = ([Range<Int>](), 0)
    while bytes.count - start >= 16 {
      let length = bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self).littleEndian
      let frame = Array(bytes[start..<start + 8])
      guard bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt32.self).littleEndian == CRC32C.masked(frame),
        length <= UInt64(bytes.count - start - 16)
      else { break }
      let end = start + 16 + Int(length)
      let data = Array(bytes[start + 12..<end - 4])
      guard bytes.loadUnaligned(fromByteOffset: end - 4, as: UInt32.self).littleEndian == CRC32C.masked(data) else { break }
      records.append(start..<end)
      start = end
    }
    return records
  }

  private static func event(_ bytes: UnsafeRawBufferPointer, _ record: Range<Int>) -> ArraySlice<UInt8> {
    Array(bytes[record])[12..<record.count - 4]
  }

  /// The tag of an event's first value; nil for an event without values.
  private static func tag(of event: ArraySlice<UInt8>) -> String? {
    guard let summary = field(5, of: event)?.bytes, let value = field(1, of: summary)?.bytes, let tag = field(1, of: value)?.bytes
    else { return nil }
    return String(decoding: tag, as: UTF8.self)
  }

  /// The phase and step of an event of scalars; nil for other events.
  private static func position(_ event: ArraySlice<UInt8>, _ tag: String, _ phases: [String]) -> MetricsLog.StepPosition? {
    guard let step = field(2, of: event) else { return nil }
    let parts = tag.split(separator: "/")
    guard let phase = parts.first.map(String.init), phases.contains(phase), parts.count > 1 else { return nil }
    return .init(phase: phase, step: Int(truncatingIfNeeded: step.number), split: parts.count > 2 ? String(parts[1]) : nil)
  }

  /// The first field of a number in a protocol-buffer message: its value, or its bytes; nil when the message does not have it.
  private static func field(_ wanted: UInt64, of message: ArraySlice<UInt8>) -> (number: UInt64, bytes: ArraySlice<UInt8>)? {
    var rest = message
    while let key = varint(&rest) {
      var value: (number: UInt64, bytes: ArraySlice<UInt8>) = (0, [])
      switch key & 7 {
      case 0:
        guard let number = varint(&rest) else { return nil }
        value.number = number
      case 1, 2, 5:
        guard let length = key & 7 == 2 ? varint(&rest) : key & 7 == 1 ? 8 : 4, length <= UInt64(rest.count) else { return nil }
        value.bytes = rest.prefix(Int(length))
        rest = rest.dropFirst(Int(length))
      default: return nil
      }
      if key >> 3 == wanted { return value }
    }
    return nil
  }

  private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
    var (value, shift): (UInt64, UInt64) = (0, 0)
    while let byte = rest.popFirst(), shift < 64 {
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }
}
