import Files
import Glibc
import Host
import Synchronization

/// Scalars for TensorBoard: an `events.out.tfevents.<time>.<host>` file, written by hand since the format is three nested
/// messages (tensorflow/core/util/event.proto, framework/summary.proto).
///
/// A record is `length u64 | masked CRC-32C of length | data | masked CRC-32C of data`, little-endian.
package final class TensorBoardWriter: Sendable {
  /// What the tags of settings begin with.
  static let settingsPrefix = "_hparams_/"

  /// Path of the file.
  package let path: String
  private let file: Mutex<AppendFile>

  /// Makes a new event file in a folder.
  ///
  /// - Parameters:
  ///   - folder: the run directory; must exist.
  ///   - time: seconds since 1970, for the name and the first event.
  ///   - host: this machine's name.
  /// - Throws: ``InputError`` when the file cannot be made.
  package init(folder: String, time: Double = WallClock.seconds(), host: String = Machine.host) throws {
    // Two runs may start in one second in one folder: a name is never used twice.
    var name = "\(folder)/events.out.tfevents.\(Int(time)).\(host)"
    var again = 1
    while access(name, F_OK) == 0 {
      name = "\(folder)/events.out.tfevents.\(Int(time)).\(host).\(again)"
      again += 1
    }
    path = name
    file = Mutex(try AppendFile(path: name, endsLine: false))
    var event = Message()
    event.double(1, time)
    event.bytes(3, Array("brain.Event:2".utf8))
    try append(event)
  }

  /// Adds scalars of one step, each under its tag ("universal/loss").
  package func append(step: Int, _ scalars: [(tag: String, value: Double)], time: Double = WallClock.seconds()) throws {
    var summary = Message()
    for (tag, value) in scalars {
      var entry = Message()
      entry.bytes(1, Array(tag.utf8))
      entry.float(2, Float(value))
      summary.bytes(1, entry.encoded)
    }
    var event = Message()
    event.double(1, time)
    event.varint(2, UInt64(bitPattern: Int64(step)))
    event.bytes(5, summary.encoded)
    try append(event)
  }

  /// Adds a run's settings, for TensorBoard's page of hyper-parameters (tensorboard/plugins/hparams/plugin_data.proto).
  ///
  /// - Parameters:
  ///   - settings: keys and values as the configuration has them; numbers and `true` and `false` are taken as such.
  ///   - group: the name of what is compared: the run.
  package func append(settings: [(key: String, value: String)], group: String, time: Double = WallClock.seconds()) throws {
    var start = Message()
    for (key, value) in settings {
      var entry = Message()
      entry.bytes(1, Array(key.utf8))
      entry.bytes(2, Self.setting(value).encoded)
      start.bytes(1, entry.encoded)
    }
    start.bytes(4, Array(group.utf8))
    start.double(5, time)
    var data = Message()
    data.bytes(3, start.encoded)
    try append(hyperparameters: data, tag: Self.settingsPrefix + "session_start_info", time)
  }

  /// Notes that the run whose settings were added has finished.
  package func appendEnd(time: Double = WallClock.seconds()) throws {
    var (end, data) = (Message(), Message())
    // STATUS_SUCCESS.
    end.varint(1, 1)
    end.double(2, time)
    data.bytes(4, end.encoded)
    try append(hyperparameters: data, tag: Self.settingsPrefix + "session_end_info", time)
  }

  /// A `google.protobuf.Value`.
  private static func setting(_ text: String) -> Message {
    var value = Message()
    if let number = Double(text), number.isFinite {
      value.double(2, number)
    } else if let flag = Bool(text) {
      value.varint(4, flag ? 1 : 0)
    } else {
      value.bytes(3, Array(text.utf8))
    }
    return value
  }

  private func append(hyperparameters data: Message, tag: String, _ time: Double) throws {
    var (plugin, metadata, value, summary, event) = (Message(), Message(), Message(), Message(), Message())
    plugin.bytes(1, Array("hparams".utf8))
    plugin.bytes(2, data.encoded)
    metadata.bytes(1, plugin.encoded)
    value.bytes(1, Array(tag.utf8))
    value.bytes(9, metadata.encoded)
    summary.bytes(1, value.encoded)
    event.double(1, time)
    event.bytes(5, summary.encoded)
    try append(event)
  }

  private func append(_ event: Message) throws {
    let data = event.encoded
    let length = Message.littleEndian(UInt64(data.count))
    let record =
      length + Message.littleEndian(CRC32C.masked(length)) + data + Message.littleEndian(CRC32C.masked(data))
    try file.withLock { file in try file.append(record) }
  }
}

/// A protocol-buffer message being encoded, the few kinds of field that events need.
private struct Message {
  private(set) var encoded: [UInt8] = []

  static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  mutating func varint(_ field: Int, _ value: UInt64) {
    key(field, 0)
    raw(value)
  }

  mutating func double(_ field: Int, _ value: Double) {
    key(field, 1)
    encoded += Message.littleEndian(value.bitPattern)
  }

  mutating func bytes(_ field: Int, _ value: [UInt8]) {
    key(field, 2)
    raw(UInt64(value.count))
    encoded += value
  }

  mutating func float(_ field: Int, _ value: Float) {
    key(field, 5)
    encoded += Message.littleEndian(value.bitPattern)
  }

  private mutating func key(_ field: Int, _ kind: Int) { raw(UInt64(field << 3 | kind)) }

  private mutating func raw(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      encoded.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    encoded.append(UInt8(rest))
  }
}
