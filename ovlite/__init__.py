"""ovlite"""
