/// A list of row numbers or item ids, owned elsewhere.
public typealias RowList = UnsafeBufferPointer<Int32>
