import Testing

@testable import Datasets

@Suite struct TimestampTests {
  private func parse(_ text: String, _ unit: TimeUnit = .seconds) -> Result<Int64, Timestamp.Failure> {
    Array(text.utf8).withUnsafeBytes { Timestamp.parse($0, unit: unit) }
  }

  @Test(
    arguments: [
      ("978300019", 978_300_019_000_000), ("0", 0), ("-3", -3_000_000), ("+4", 4_000_000), (" 12 ", 12_000_000),
      ("978300019.0", 978_300_019_000_000), ("1.25", 1_250_000), ("1.0000019", 1_000_001), ("-0.5", -500_000), (".5", 500_000),
      ("253402300799", 253_402_300_799_000_000), ("1e9", 1_000_000_000_000_000), ("1.598930000e+09", 1_598_930_000_000_000),
      ("1.5989300001234567E9", 1_598_930_000_123_456), ("15989300000e-1", 1_598_930_000_000_000), ("0e99999999999999999999", 0),
      ("1e-99999999999999999999", 0), ("0000000000000000000000001", 1_000_000), ("1.00000000000000000000000000009", 1_000_000),
      ("100000000000000000000000000000e-20", 1_000_000_000_000_000),
    ] as [(String, Int64)])
  func readsSeconds(text: String, expected: Int64) { #expect(parse(text) == .success(expected)) }

  @Test func readsOtherUnits() {
    #expect(parse("1400000000123", .milliseconds) == .success(1_400_000_000_123_000))
    #expect(parse("5.0625", .milliseconds) == .success(5_062))
    #expect(parse("1598930000000001", .microseconds) == .success(1_598_930_000_000_001))
    #expect(parse("1.9", .microseconds) == .success(1) && parse("-1.9", .microseconds) == .success(-1))
    #expect(parse("1598930000000001999", .nanoseconds) == .success(1_598_930_000_000_001))
    #expect(parse("1.598930000e18", .nanoseconds) == .success(1_598_930_000_000_000))
    // The last time there is, in nanoseconds beyond 64 bits.
    #expect(parse("253402300799000000000", .nanoseconds) == .success(253_402_300_799_000_000))
    #expect(parse("253402300799000001000", .nanoseconds) == .failure(.outOfRange))
  }

  @Test(
    arguments: [
      ("1970-01-01", 0), ("2025-03-01", 1_740_787_200_000_000), ("2025-03-01T09:05:57Z", 1_740_819_957_000_000),
      ("2025-03-01 09:05:57", 1_740_819_957_000_000), ("2025-03-01t09:05:57z", 1_740_819_957_000_000),
      ("2025-03-01T09:05", 1_740_819_900_000_000), ("2025-03-01T11:05:57+02:00", 1_740_819_957_000_000),
      ("2025-03-01T11:05:57+0200", 1_740_819_957_000_000), ("2025-03-01 11:05:57 +02", 1_740_819_957_000_000),
      ("2025-03-01T00:35:57-08:30", 1_740_819_957_000_000), ("2025-03-01 09:05:57 UTC", 1_740_819_957_000_000),
      ("2025-03-01 09:05:57.25+00:00", 1_740_819_957_250_000), ("2025-03-01T09:05:57,123456789Z", 1_740_819_957_123_456),
      (" 2025-03-01T09:05:57Z ", 1_740_819_957_000_000), ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
      ("1969-12-31T23:59:59.5Z", -500_000), ("2000-02-29", 951_782_400_000_000),
    ] as [(String, Int64)])
  func readsISO8601InEveryUnit(text: String, expected: Int64) {
    for unit in TimeUnit.allCases { #expect(parse(text, unit) == .success(expected)) }
  }

  @Test(arguments: [
    "", " ", "-", ".", "12a", "1.2.3", "0x10", "nan", "inf", "1 2", "--1", "1e", "1e+", "e9", ".e1", "1e1.5", "1_000", "1,5",
    "2025-3-1", "2025-13-01", "2025-02-29", "2025-00-10", "2025-03-01T", "2025-03-01T9:05:57", "2025-03-01T24:00:00",
    "2025-03-01T09",
    "2025-03-01T09:60:00", "2025-03-01T09:05:61", "2025-03-01T09:05:57.", "2025-03-01T09:05:57+", "2025-03-01T09:05:57+2",
    "2025-03-01Z",
    "2025-03-01T09:05:57+24:00", "2025-03-01T09:05:57+02:60", "2025-03-01T09:05:57Zx", "2025-03-01  09:05:57",
    "2025-03-01T09:05:57 EST",
    "01/03/2025", "20250301T090557Z", "-2025-03-01", "٢٠٢٥-03-01", "2025\u{2010}03-01",
  ])
  func refusesWhatIsNoTime(text: String) { #expect(parse(text) == .failure(.notATime)) }

  @Test(arguments: [
    "253402300800", "253402300799.5", "1400000000123", "99999999999999999999999999", "-18446744073709551616", "1e12", "1e99",
    "1e99999999999999999999999", "9999-12-31T23:59:59-01:00",
  ])
  func refusesTimesOutOfRange(text: String) { #expect(parse(text) == .failure(.outOfRange)) }

  @Test(
    arguments: [
      ("978300019", 978_300_019), ("1970-01-01", 0), ("2014-01-31", 1_391_126_400), ("2014-01-31T12:00:01Z", 1_391_169_601),
      ("2014-01-31T12:00", 1_391_169_600), ("2014-01-31 14:00+02:00", 1_391_169_600), ("1969-12-31", -86_400),
    ] as [(String, Int64)])
  func readsCuts(text: String, seconds: Int64) { #expect(Timestamp.microseconds(cut: text) == seconds * 1_000_000) }

  @Test(arguments: ["", "yesterday", "2014-13-01", "2014-01-01Z", "T12:00"])
  func refusesOtherCuts(text: String) { #expect(Timestamp.microseconds(cut: text) == nil) }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (978_300_019_999_999, "2000-12-31T22:00:19Z"), (-1, "1969-12-31T23:59:59Z"),
      (951_782_400_000_000, "2000-02-29T00:00:00Z"),
    ] as [(Int64, String)])
  func writesForPeople(time: Int64, expected: String) { #expect(Timestamp.text(time) == expected) }

  /// Every day of eight centuries comes back as it was written.
  @Test func daysComeBack() {
    for day in stride(from: Int64(-219_000), to: 73_000, by: 1) {
      let text = Timestamp.text(day * 86_400_000_000)
      if text.utf8.count == 20 && parse(text) != .success(day * 86_400_000_000) { Issue.record("\(text)") }
    }
  }

  @Test func theUnitThatFitsIsOne() {
    func fitting(_ text: String) -> TimeUnit? { Array(text.utf8).withUnsafeBytes { TimeUnit.fitting($0)?.unit } }
    #expect(fitting("1400000000") == .seconds && fitting("1400000000123") == .milliseconds)
    #expect(fitting("1400000000123456") == .microseconds && fitting("1.4e18") == .nanoseconds)
    #expect(fitting("12") == nil && fitting("x") == nil && fitting("-1400000000") == nil)
  }
}
