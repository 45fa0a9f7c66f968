/// The one place that writes a field of a CSV file.
public enum CSVField {
  /// The field, in quotes when it holds a quote, a comma or a line end (RFC 4180).
  ///
  /// Byte by byte: to `Character` a quote with a combining mark behind it is no quote.
  public static func quoted(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }) else { return text }
    var bytes: [UInt8] = [0x22]
    for byte in text.utf8 {
      if byte == 0x22 { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(0x22)
    return String(decoding: bytes, as: UTF8.self)
  }
}
