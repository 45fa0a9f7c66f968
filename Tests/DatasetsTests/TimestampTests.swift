import Testing

@testable import Datasets

@Suite struct TimestampTests {
  private func parse(_ text: String, _ unit: TimeUnit = .seconds) -> Result<Int64, Timestamp.Failure> {
    Array(text.utf8).withUnsafeBytes { Timestamp.parse($0, unit: unit.microseconds) }
  }

  @Test(
    arguments: [
      ("978300019", 978_300_019_000_000), ("0", 0), ("-3", -3_000_000), ("+4", 4_000_000), (" 12 ", 12_000_000),
      ("978300019.0", 978_300_019_000_000), ("1.25", 1_250_000), ("1.0000019", 1_000_001), ("-0.5", -500_000), (".5", 500_000),
      ("253402300799", 253_402_300_799_000_000),
    ] as [(String, Int64)])
  func readsSeconds(text: String, expected: Int64) { #expect(parse(text) == .success(expected)) }

  @Test func readsMilliseconds() {
    #expect(parse("1400000000123", .milliseconds) == .success(1_400_000_000_123_000))
    #expect(parse("5.0625", .milliseconds) == .success(5_062))
  }

  @Test(arguments: ["", " ", "-", ".", "1e9", "12a", "1.2.3", "2014-01-01", "0x10", "nan", "1 2", "--1"])
  func refusesWhatIsNoDecimalNumber(text: String) { #expect(parse(text) == .failure(.notANumber)) }

  @Test(arguments: ["253402300800", "1400000000123", "99999999999999999999999999", "-18446744073709551616"])
  func refusesTimesOutOfRange(text: String) { #expect(parse(text) == .failure(.outOfRange)) }

  @Test(
    arguments: [
      ("978300019", 978_300_019), ("1970-01-01", 0), ("2014-01-31", 1_391_126_400), ("2014-01-31T12:00:01Z", 1_391_169_601),
      ("2014-01-31T12:00", 1_391_169_600), ("2000-02-29", 951_782_400), ("1969-12-31", -86_400),
    ] as [(String, Int64)])
  func readsCuts(text: String, seconds: Int64) { #expect(Timestamp.microseconds(cut: text) == seconds * 1_000_000) }

  @Test(arguments: [
    "", "yesterday", "2014-13-01", "2014-02-29", "2014-1-1", "2014-01-01T25:00", "2014-01-01Z", "2014-01-01 12:00", "T12:00",
  ])
  func refusesOtherCuts(text: String) { #expect(Timestamp.microseconds(cut: text) == nil) }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (978_300_019_999_999, "2000-12-31T22:00:19Z"), (-1, "1969-12-31T23:59:59Z"),
      (951_782_400_000_000, "2000-02-29T00:00:00Z"),
    ] as [(Int64, String)])
  func writesForPeople(time: Int64, expected: String) { #expect(Timestamp.text(time) == expected) }
}
