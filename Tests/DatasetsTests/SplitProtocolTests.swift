import Files
import Testing

@testable import Datasets

@Suite struct SplitProtocolTests {
  private func split(_ rule: String, _ seconds: [Int64]) throws -> UserSplit {
    try SplitProtocol(rule).split(count: seconds.count) { seconds[$0] * 1_000_000 }
  }

  @Test(
    arguments: [
      (0, 0, nil, nil), (1, 1, nil, nil), (2, 2, nil, nil), (3, 1, 1, 2), (9, 7, 7, 8),
    ] as [(Int, Int, Int?, Int?)])
  func leaveOneOut(count: Int, train: Int, validation: Int?, test: Int?) throws {
    #expect(
      try split("leave-one-out", Array(repeating: 5, count: count))
        == UserSplit(trainCount: train, validation: validation, test: test))
  }

  @Test(
    arguments: [
      ([], 0, nil, nil), ([10, 11], 0, nil, nil), ([9], 1, nil, nil), ([9, 10], 1, nil, 1), ([8, 9], 1, 1, nil),
      ([7, 8, 9, 10, 11], 2, 2, 3), ([1, 2, 3], 2, 2, nil),
    ] as [([Int64], Int, Int?, Int?)])
  func timeCut(seconds: [Int64], train: Int, validation: Int?, test: Int?) throws {
    #expect(try split("time:10", seconds) == UserSplit(trainCount: train, validation: validation, test: test))
  }

  @Test func spellings() throws {
    #expect(try SplitProtocol("time:2014-01-31").description == "time:2014-01-31")
    #expect(try SplitProtocol("leave-one-out").description == "leave-one-out")
    for text in ["", "time", "time:", "time:soon", "random"] { #expect(throws: InputError.self) { try SplitProtocol(text) } }
  }
}
