// ItemsTests
