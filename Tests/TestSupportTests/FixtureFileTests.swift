import Files
import TestSupport
import Testing

@Suite struct FixtureFileTests {
  @Test func readsWhatTheScriptsWrote() throws {
    let fixture = try FixtureFile(named: "metrics/ranking")
    let (users, items) = (try fixture.shape("scores")[0], try fixture.shape("scores")[1])
    #expect(fixture.name == "ranking")
    #expect(try fixture.floats("scores").count == users * items)
    #expect(try fixture.ints("rank.unfiltered").allSatisfy { 1...items ~= $0 })
    let expected = try fixture.decode([String: [String: [String: Double]]].self, from: "expected")
    #expect(expected["filtered"]?["all"]?["users"] == Double(users))
  }

  @Test func saysWhatIsMissing() throws {
    let fixture = try FixtureFile(named: "optimizers/clip")
    #expect(throws: InputError.self) { try fixture.floats("absent") }
    #expect(throws: InputError.self) { try fixture.float("gradient.large.0") }
    #expect(throws: InputError.self) { try fixture.decode([String: Double].self, from: "absent") }
  }
}
