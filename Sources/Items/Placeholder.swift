// Items
