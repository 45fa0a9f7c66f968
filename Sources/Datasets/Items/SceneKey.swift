package import Files

/// The one place where the id and the scene of an item become the id of an item keyed by both.
///
/// The key is `id@scene`. Where either holds an `@` itself, each `@` and `\` inside them has a `\` before it, so that no two pairs have one
/// key: a key with one `@` is of two plain parts, in every other the one without a `\` before it parts them.
package struct SceneKey: Sendable {
  /// False for a data set of a version that joined without escapes, and whose ids show it: its keys stay as they are.
  package let isEscaped: Bool

  /// The keys of new data sets.
  package static let escaped = SceneKey(isEscaped: true)

  private static let at: UInt8 = 0x40
  private static let escape: UInt8 = 0x5C

  /// The key, in `buffer`.
  package func join(_ item: UnsafeRawBufferPointer, _ scene: UnsafeRawBufferPointer, _ buffer: ByteBuffer)
    -> UnsafeRawBufferPointer
  {
    buffer.removeAll()
    if isEscaped && (item.contains(Self.at) || scene.contains(Self.at)) {
      append(item, to: buffer)
      buffer.append(Self.at)
      append(scene, to: buffer)
    } else {
      buffer.append(item)
      buffer.append(Self.at)
      buffer.append(scene)
    }
    return buffer[0..<buffer.count]
  }

  private func append(_ part: UnsafeRawBufferPointer, to buffer: ByteBuffer) {
    for byte in part {
      if byte == Self.at || byte == Self.escape { buffer.append(Self.escape) }
      buffer.append(byte)
    }
  }

  private init(isEscaped: Bool) { self.isEscaped = isEscaped }

  /// The keys of a data set.
  ///
  /// One that earlier versions made without an id of several `@` has the keys that escaping gives.
  package init(_ dataset: Dataset) {
    let escapes = dataset.manifest.preparation.itemKeyEscapes ?? false
    isEscaped =
      escapes
      || (0..<dataset.items.count).allSatisfy { item in
        var count = 0
        for byte in dataset.items.idBytes(item) where byte == Self.at { count += 1 }
        return count < 2
      }
  }

  /// Throws `InputError` when keys cannot be told apart: joined without escapes, with a scene that holds an `@`.
  package func check(_ scene: UnsafeRawBufferPointer, _ path: String) throws {
    guard !isEscaped && scene.contains(Self.at) else { return }
    throw InputError(
      "\(path): the scene \(excerpt(scene)) holds an @, and the data set was made by a version whose ids of item and scene are then "
        + "ambiguous; prepare everything anew")
  }
}

extension Dataset {
  /// Whether items are keyed by id and scene.
  package var isKeyedByScene: Bool { manifest.preparation.itemKey == ItemKey.itemScene.rawValue }

  /// Gives the ids under which items of an id stand in the catalogue, one for each scene, when items are keyed by both.
  ///
  /// Scenes that a data set of an earlier version cannot tell apart are left out.
  package func sceneKeys() -> @Sendable (String) -> [String] {
    let key = SceneKey(self)
    return { [scenes] id in
      let buffer = ByteBuffer()
      return scenes.compactMap { scene in
        guard key.isEscaped || !scene.utf8.contains(0x40) else { return nil }
        var (id, scene) = (id, scene)
        return id.withUTF8 { id in
          scene.withUTF8 { scene in
            // The joined bytes are the buffer's, which must outlive them.
            withExtendedLifetime(buffer) {
              String(decoding: key.join(UnsafeRawBufferPointer(id), UnsafeRawBufferPointer(scene), buffer), as: UTF8.self)
            }
          }
        }
      }
    }
  }
}

/// What makes an item.
package enum ItemKey: String, Sendable, CaseIterable {
  /// The id: one row of the catalogue, whatever scenes it stands in.
  case item
  /// Id and scene: the same id in two scenes is two items, called `id@scene`.
  case itemScene = "item-scene"
}
