<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>pumice_chat::ChatPage</name>
    <message numerus="yes">
        <source>The oldest %n message(s) will be dropped.</source>
        <translation>
            <numerusform>The oldest message will be dropped.</numerusform>
            <numerusform>The oldest %n messages will be dropped.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>pumice_chat::MessageWidget</name>
    <message numerus="yes">
        <source>Reasoning… %n word(s)</source>
        <translation>
            <numerusform>Reasoning… %n word</numerusform>
            <numerusform>Reasoning… %n words</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Reasoning, %n word(s)</source>
        <translation>
            <numerusform>Reasoning, %n word</numerusform>
            <numerusform>Reasoning, %n words</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The oldest %n message(s) had no room in the context.</source>
        <translation>
            <numerusform>The oldest message had no room in the context.</numerusform>
            <numerusform>The oldest %n messages had no room in the context.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n token(s)</source>
        <translation>
            <numerusform>%n token</numerusform>
            <numerusform>%n tokens</numerusform>
        </translation>
    </message>
</context>
</TS>
