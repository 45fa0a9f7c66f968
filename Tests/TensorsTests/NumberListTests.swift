import Tensors
import Testing

@Suite struct NumberListTests {
  @Test func growsAndKeepsItsElements() {
    let list = NumberList<Int32>()
    #expect(list.values.isEmpty)
    for number in 0..<5000 { list.append(Int32(number)) }
    #expect(list.count == 5000 && list.values.elementsEqual(0..<5000) && list[4999] == 4999)
  }

  @Test func refillingMovesNothing() {
    let list = NumberList<UInt64>()
    for number in 0..<3000 { list.append(UInt64(number)) }
    let base = list.base
    for round in 1...3 as ClosedRange<UInt64> {
      list.removeAll()
      #expect(list.count == 0)
      for number in 0..<3000 { list.append(round + UInt64(number)) }
      #expect(list.base == base && list[0] == round && list.count == 3000)
    }
  }

  @Test func whatThereIsRoomForStaysWhereItIs() {
    let list = NumberList<Int32>()
    list.append(7)
    list.reserve(5000)
    let base = list.base
    for number in 1..<5000 { list.append(Int32(number)) }
    #expect(list.base == base && list[0] == 7 && list[4999] == 4999 && list.count == 5000)
    list.reserve(10)
    #expect(list.base == base)
  }
}
