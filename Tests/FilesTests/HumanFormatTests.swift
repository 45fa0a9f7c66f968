import Testing

@testable import Files

struct HumanFormatTests {
  @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567"), (.min, "-9,223,372,036,854,775,808")])
  func count(value: Int, text: String) {
    #expect(HumanFormat.count(value) == text)
  }

  @Test(arguments: [
    (0.042, 4, "0.0420"), (0.99995, 4, "1.0000"), (-0.00001, 2, "0.00"), (-1.5, 1, "-1.5"), (2.5, 0, "3"), (12, 0, "12"),
    (.nan, 2, "nan"), (.infinity, 2, "inf"),
  ])
  func decimal(value: Double, decimals: Int, text: String) {
    #expect(HumanFormat.decimal(value, decimals) == text)
  }

  @Test(arguments: [
    (7.2, "0:07"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03"), (273_845, "3 d 04:04:05"), (.infinity, "?"), (-3, "0:00"),
  ])
  func duration(seconds: Double, text: String) {
    #expect(HumanFormat.duration(seconds: seconds) == text)
  }

  @Test(arguments: [
    (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 26, "64.0 MiB"), (1_048_575, "1.0 MiB"), (.max, "8192.0 PiB"),
  ])
  func bytes(value: Int, text: String) {
    #expect(HumanFormat.bytes(value) == text)
  }

  @Test(arguments: [(0.0421, "0.042"), (4.2, "4.20"), (42, "42.0"), (4200.4, "4,200"), (4_200_000, "4.20 M")])
  func rate(value: Double, text: String) {
    #expect(HumanFormat.rate(value) == text)
  }
}
