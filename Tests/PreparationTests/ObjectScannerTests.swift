import Testing

@testable import Preparation

@Suite struct ObjectScannerTests {
  /// The values of `a` and `b`, "-" when there is none; or what is wrong.
  private func scan(_ line: String, isPython: Bool = false) -> [String] {
    var scanner = ObjectScanner(keys: ["a", "b"], isPython: isPython)
    let bytes = Array(line.utf8)
    return bytes.withUnsafeBytes { bytes in
      do {
        try scanner.scan(bytes)
        return (0..<2).map { key in scanner.bytes(key).map { String(decoding: $0, as: UTF8.self) } ?? "-" }
      } catch {
        return ["\((error as? ObjectScanner.Malformed)?.detail ?? "?")"]
      }
    }
  }

  @Test(arguments: [
    (#"{"a":"x","b":1}"#, ["x", "1"]), (#" { "b" : -1.5e3 , "a" : "" } "#, ["", "-1.5e3"]), ("{}", ["-", "-"]),
    (#"{"a":null,"b":[1,{"a":"no"},"]}"],"c":{"a":"no"}}"#, ["-", "-"]), (#"{"a":true,"b":false}"#, ["-", "-"]),
    (#"{"a":"q\"\\\/\b\f\n\r\t\u00e9\ud83d\uded2","b":"é"}"#, ["q\"\\/\u{8}\u{C}\n\r\té🛒", "é"]),
    (#"{"a":"1","a":"2"}"#, ["2", "-"]),
    (#"{"\u0061":"escaped key"}"#, ["escaped key", "-"]),
  ])
  func readsJSON(line: String, expected: [String]) { #expect(scan(line) == expected) }

  /// Half a pair stays what it is, in bytes that no UTF-8 has: two different halves never become one id.
  @Test func halfASurrogatePairIsNoText() throws {
    var scanner = ObjectScanner(keys: ["a", "b"], isPython: false)
    try Array(#"{"a":"\ud83d","b":"x\udc00\u0041"}"#.utf8).withUnsafeBytes { try scanner.scan($0) }
    #expect(scanner.bytes(0).map(Array.init) == [0xED, 0xA0, 0xBD])
    #expect(scanner.bytes(1).map(Array.init) == [0x78, 0xED, 0xB0, 0x80, 0x41])
    #expect(scan(#"{'a': '\U00110000'}"#, isPython: true).first?.hasPrefix("an escape beyond Unicode") == true)
  }

  @Test(arguments: [
    ("{'a': 'x', 'b': \"it's\"}", ["x", "it's"]), (#"{'a': 'it\'s \xe9 \u20ac \U0001f6d2'}"#, ["it's é € 🛒", "-"]),
    ("{'a': None, 'b': True, }", ["-", "-"]), (#"{"a": [['k', {"b": 'no'}]], 'b': 9.99}"#, ["-", "9.99"]),
  ])
  func readsPythonLiterals(line: String, expected: [String]) { #expect(scan(line, isPython: true) == expected) }

  @Test(arguments: [
    "", "[]", "{", "{'a':1}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":"x"#, #"{"a":1}x"#, #"{"a":nope}"#, #"{"a":1x}"#,
    #"{"a":"\x41"}"#,
    #"{"a":"\u12"}"#, #"{"a":"\uzzzz"}"#, #"{"a":[}"#, #"{"a":[1"#, "{\"a\":\"\t\"}", #"{a:1}"#, #"{"a":__import__('os')}"#,
    "{\"a\":" + String(repeating: "[", count: 65) + String(repeating: "]", count: 65) + "}",
  ])
  func refusesEverythingElse(line: String) {
    #expect(scan(line).count == 1)
    #expect(scan(line).first != "?")
  }

  @Test func neverEvaluatesPython() {
    #expect(scan("{'a': __import__('os').system('true')}", isPython: true) == ["an unknown word at byte 7"])
  }

  @Test func everyTruncationIsRefused() {
    let line = #"{"a": "x\u00e9y", "b": [1, {"c": "d"}], "e": 12}"#
    for length in 0..<line.utf8.count { #expect(scan(String(decoding: line.utf8.prefix(length), as: UTF8.self)).count == 1) }
    #expect(scan(line) == ["xéy", "-"])
  }
}
