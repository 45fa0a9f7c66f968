extension World {
  /// Hands over the events of one user in order of time; each user's depend on nobody else's.
  public func tellStory(of user: Int, _ body: (WorldEvent) throws -> Void) rethrows {
    var story = UserStory(self, user: user)
    try story.tell(body)
  }

  /// The events of one user in order of time.
  public func story(of user: Int) -> [WorldEvent] {
    var events: [WorldEvent] = []
    tellStory(of: user) { events.append($0) }
    return events
  }

  /// Unix seconds before which an item has no event.
  public func release(of item: Int) -> Int { items[item].release }
}
