import Collectives
import Testing

/// The contract in the world of one rank.
@Suite struct SoloCommunicatorTests {
  @Test func keepsTheContract() throws {
    let solo = SoloCommunicator()
    #expect(solo.rank == 0 && solo.size == 1)
    try CommunicatorContract(communicator: solo).checkAll()
  }
}
